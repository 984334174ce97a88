import { UdfError } from '../model/errors.js';
import type { BadEntriesOptions } from './entries.js';
import type { RecordingFormat } from './format.js';
import { precisions, TimeParser, type TimeOptions } from './times.js';

/** How the text of a recording is read; shared by every command and function that reads one. */
export interface ReadOptions extends TimeOptions, BadEntriesOptions {
  /** Derived from the file's name by default. */
  readonly format?: RecordingFormat | undefined;
  /** What parts the cells of CSV: one character, a comma by default. */
  readonly delimiter?: string | undefined;
  /** The column of CSV that holds the time: `time` by default, `_time` in annotated CSV. */
  readonly timeColumn?: string | undefined;
  /** Cells of CSV that stand for a missing value, such as `NA`, besides empty ones. */
  readonly nullMarkers?: readonly string[] | undefined;
  /** The text's encoding as a WHATWG label, such as `latin1` or `utf-16le`: `utf-8` by default. */
  readonly encoding?: string | undefined;
  /** Called with what the user should know, such as that points without a time get the present. */
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/** What each option applies to. */
const applicable: readonly (readonly [keyof ReadOptions, string, readonly RecordingFormat[]])[] = [
  ['precision', '--precision', ['lp', 'csv', 'jsonl']],
  ['timeFormat', '--time-format', ['csv', 'jsonl']],
  ['timeZone', '--time-zone', ['csv', 'jsonl']],
  ['delimiter', '--delimiter', ['csv']],
  ['timeColumn', '--time-column', ['csv']],
  ['nullMarkers', '--null', ['csv']],
];

/** Throws `usage` for an option with an impossible value, or one that the format has no use for. */
export function checkReadOptions(options: ReadOptions, format: RecordingFormat): void {
  for (const [key, flag, formats] of applicable) {
    const value = options[key];
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (isGiven && !formats.includes(format)) {
      throw new UdfError('usage', `${flag} is for ${listed(formats)}; the format is ${format}`);
    }
  }
  const { precision, delimiter, encoding, nullMarkers = [] } = options;
  if (precision !== undefined && !precisions.includes(precision)) {
    throw new UdfError('usage', `the precision ${precision} is unknown; choose ${precisions.join(', ')}`);
  }
  if (delimiter !== undefined && (delimiter.length !== 1 || '"\r\n'.includes(delimiter))) {
    throw new UdfError('usage', `the delimiter ${JSON.stringify(delimiter)} is not one character such as ;`);
  }
  if (nullMarkers.some((marker) => marker.trim() === '')) {
    throw new UdfError('usage', 'a marker of missing values is empty: an empty cell is missing anyway');
  }
  if (encoding !== undefined) decoderOf(encoding);
  new TimeParser(options); // throws for a format or zone that does not exist
}

function listed(formats: readonly RecordingFormat[]): string {
  return formats.length === 1 ? formats[0]! : `${formats.slice(0, -1).join(', ')} and ${formats.at(-1)!}`;
}

/** Throws `usage` for a label that is unknown. */
function decoderOf(encoding: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(encoding);
  } catch (cause) {
    const message = `the encoding ${encoding} is unknown; use a label such as windows-1252 or utf-16le`;
    throw new UdfError('usage', message, { cause });
  }
}

/**
 * The chunks in UTF-8. Bytes that the encoding does not have become one that UTF-8 does not have either, so that the
 * reader refuses them with their line.
 */
export async function* transcoded(
  chunks: AsyncIterable<Buffer>,
  encoding: string,
): AsyncGenerator<Buffer, void, undefined> {
  const decoder = decoderOf(encoding);
  for await (const chunk of chunks) yield encoded(decoder.decode(chunk, { stream: true }));
  yield encoded(decoder.decode());
}

const replacement = '\uFFFD';
const invalidByte = 0xff;

function encoded(text: string): Buffer {
  if (!text.includes(replacement)) return Buffer.from(text);
  const invalid = Buffer.of(invalidByte);
  return Buffer.concat(
    text
      .split(replacement)
      .flatMap((part, index) => (index === 0 ? [Buffer.from(part)] : [invalid, Buffer.from(part)])),
  );
}

/** Whether bytes must be converted before they are read. */
export function needsTranscoding(encoding: string | undefined): encoding is string {
  return encoding !== undefined && decoderOf(encoding).encoding !== 'utf-8';
}
