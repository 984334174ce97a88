import { UdfError } from '../model/errors.js';
import type { BadEntriesOptions } from './entries.js';
import type { RecordingFormat } from './format.js';
import type { FeedLinks } from './green-button/links.js';
import { precisions, TimeParser, type TimeOptions } from './times.js';

/** How the text of a recording is read; shared by every command and function that reads one. */
export interface ReadOptions extends TimeOptions, BadEntriesOptions {
  /** Derived from the file's name by default. */
  readonly format?: RecordingFormat | undefined;
  /** The separator of CSV cells: one character, a comma by default. */
  readonly delimiter?: string | undefined;
  /**
   * The column of CSV that holds the time, or several whose cells are joined by a space, such as one for the date and one for the time
   * of day: `time` by default, `_time` in annotated CSV. If given, lines above the header are left out.
   */
  readonly timeColumn?: string | readonly string[] | undefined;
  /** Columns of CSV that are tags though they have no prefix `tag:`. */
  readonly tagColumns?: readonly string[] | undefined;
  /** The character between the thousands of numbers in CSV; none by default. */
  readonly thousands?: string | undefined;
  /** Cells of CSV that stand for a missing value, such as `NA`, besides empty ones. */
  readonly nullMarkers?: readonly string[] | undefined;
  /**
   * The text's encoding as a WHATWG label, such as `latin1` or `utf-16le`; by default UTF-16 if the text begins with its byte order
   * mark, else `utf-8`.
   */
  readonly encoding?: string | undefined;
  /** The measurement of points of a Green Button feed, `interval_reading` by default, or of CSV without a column of that name. */
  readonly measurement?: string | undefined;
  /** Links of earlier Green Button feeds of the same source; those of this one are added. */
  readonly links?: FeedLinks | undefined;
  /** Called with warnings for the user, such as that points without a time get the present. */
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/** The formats that each option applies to. */
const applicable: readonly (readonly [keyof ReadOptions, string, readonly RecordingFormat[]])[] = [
  ['precision', '--precision', ['lp', 'csv', 'jsonl']],
  ['timeFormat', '--time-format', ['csv', 'jsonl']],
  ['timeZone', '--time-zone', ['csv', 'jsonl']],
  ['delimiter', '--delimiter', ['csv']],
  ['timeColumn', '--time-column', ['csv']],
  ['tagColumns', '--tag-column', ['csv']],
  ['thousands', '--thousands', ['csv']],
  ['nullMarkers', '--null', ['csv']],
  ['measurement', '--measurement', ['csv', 'greenbutton']],
];

/** Throws `usage` for an option with an invalid value, or one that does not apply to the format. */
export function checkReadOptions(options: ReadOptions, format: RecordingFormat): void {
  for (const [key, flag, formats] of applicable) {
    const value = options[key];
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (isGiven && !formats.includes(format)) {
      throw new UdfError('usage', `${flag} is for ${listed(formats)}; the format is ${format}`);
    }
  }
  const { precision, delimiter, encoding, nullMarkers = [], thousands } = options;
  if (precision !== undefined && !precisions.includes(precision)) {
    throw new UdfError('usage', `the precision ${precision} is unknown; choose ${precisions.join(', ')}`);
  }
  if (delimiter !== undefined && (delimiter.length !== 1 || '"\r\n'.includes(delimiter))) {
    throw new UdfError('usage', `the delimiter ${JSON.stringify(delimiter)} is not one character such as ;`);
  }
  if (nullMarkers.some((marker) => marker.trim() === '')) {
    throw new UdfError('usage', 'a marker of missing values is empty: an empty cell is missing anyway');
  }
  const timeColumns = timeColumnsOf(options) ?? [];
  if (timeColumns.includes('') || new Set(timeColumns).size < timeColumns.length) {
    throw new UdfError('usage', 'a column of the time has no name, or is given twice');
  }
  if (thousands !== undefined && !/^[, '’_\u00a0\u202f]$/u.test(thousands)) {
    throw new UdfError(
      'usage',
      `the separator of thousands ${JSON.stringify(thousands)} is not one character such as a comma or a blank`,
    );
  }
  if (encoding !== undefined) decoderOf(encoding);
  new TimeParser(options); // throws for an invalid format or an unknown zone
}

/** The columns of the time; `undefined` for the default. */
export function timeColumnsOf({
  timeColumn,
}: Pick<ReadOptions, 'timeColumn'>): readonly string[] | undefined {
  if (typeof timeColumn === 'string') return [timeColumn];
  return timeColumn !== undefined && timeColumn.length > 0 ? timeColumn : undefined;
}

function listed(formats: readonly RecordingFormat[]): string {
  return formats.length === 1 ? formats[0]! : `${formats.slice(0, -1).join(', ')} and ${formats.at(-1)!}`;
}

/** Throws `usage` for an unknown label. */
function decoderOf(encoding: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(encoding);
  } catch (cause) {
    const message = `the encoding ${encoding} is unknown; use a label such as windows-1252 or utf-16le`;
    throw new UdfError('usage', message, { cause });
  }
}

/**
 * Converts chunks to UTF-8. Bytes that are invalid in the encoding become a byte that is invalid in UTF-8, so that the
 * reader reports them with their line. Throws `usage` for an unknown encoding.
 */
export async function* transcoded(
  chunks: AsyncIterable<Buffer>,
  encoding: string,
): AsyncGenerator<Buffer, void, undefined> {
  const decoder = decoderOf(encoding);
  for await (const chunk of chunks) yield encoded(decoder.decode(chunk, { stream: true }));
  yield encoded(decoder.decode());
}

/** Byte order marks of UTF-16, which no UTF-8 begins with. */
const marks: Readonly<Record<number, string>> = { 0xfeff: 'utf-16be', 0xfffe: 'utf-16le' };

/** Converts chunks that begin with the byte order mark of UTF-16, and passes on all others. */
export async function* transcodedByMark(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  let start: Buffer | undefined = Buffer.alloc(0); // until there is a mark's length
  let decoder: ReturnType<typeof decoderOf> | undefined;
  for await (const chunk of chunks) {
    let bytes = chunk;
    if (start !== undefined) {
      start = bytes = Buffer.concat([start, chunk]);
      if (start.length < 2) continue;
      const encoding = marks[start.readUInt16BE(0)];
      if (encoding !== undefined) decoder = decoderOf(encoding);
      start = undefined;
    }
    yield decoder === undefined ? bytes : encoded(decoder.decode(bytes, { stream: true }));
  }
  if (start !== undefined) yield start;
  if (decoder !== undefined) yield encoded(decoder.decode());
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
