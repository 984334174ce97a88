import type { Readable } from 'node:stream';
import { UdfError } from '../model/errors.js';
import { BadEntries } from './entries.js';
import { parseBatchEntry } from './batch-entry.js';
import { formatOfName, type RecordedItem, type RecordingFormat } from './format.js';
import { parseJsonLine } from './json-line.js';
import { PointMaker, type PointOptions } from './point-maker.js';
import { readCsv } from './csv-reader.js';
import { readJson } from './read-json.js';
import { readLineProtocol, readStreamRecording } from './read-lines.js';
import { readZip } from './source.js';
import { formatOfFile, openSource, plainBytes, type Source } from './source.js';

export interface OpenOptions extends PointOptions {
  /** Told by the file's name if not given. */
  readonly format?: RecordingFormat | undefined;
  /** What messages call it: the path if not given. */
  readonly name?: string | undefined;
  /** Leave out and count what is malformed, instead of stopping there. */
  readonly skipBad?: boolean | undefined;
  /** Called with what is wrong with each entry that is left out. */
  readonly onBad?: ((problem: UdfError) => void) | undefined;
}

/** A recording that is read while it is iterated over, once: arrays of its points and batches, in order. */
export interface Recording extends AsyncIterable<readonly RecordedItem[]> {
  readonly name: string;
  readonly format: RecordingFormat;
  /** Its size on disk, where that is known, and how much of it has been read. */
  readonly size: number | undefined;
  readonly bytesRead: number;
  /** How many malformed entries have been left out. */
  readonly skipped: number;
}

/**
 * Opens a recording, in memory that does not grow with it. Compression is told by the bytes: line protocol, stream
 * recordings, JSON Lines and CSV may be gzipped, and a batch recording a zip file or plain.
 *
 * Throws `invalid_config` if it cannot be read or its name tells no format; iterating throws `malformed` that names
 * file, line and what is wrong.
 */
export async function openRecording(from: string | Readable, options: OpenOptions = {}): Promise<Recording> {
  const name = options.name ?? (typeof from === 'string' ? from : 'stream');
  const format = options.format ?? (name === from ? await formatOfFile(name) : formatOfName(name));
  const source = await openSource(from, name);
  const path = typeof from === 'string' ? from : undefined;
  if (source.kind === 'zip' && (format !== 'brpl' || path === undefined)) {
    const why = format === 'brpl' ? 'a zip file is read from disk, not from a stream' : 'it is a zip file';
    throw new UdfError('invalid_config', `cannot read ${name}: ${why}`);
  }
  const bad = new BadEntries(name, options.skipBad ?? false, options.onBad);
  const items = read(format, path, source, new PointMaker(options), bad);
  return {
    name,
    format,
    size: source.size,
    get bytesRead() {
      return source.bytesRead;
    },
    get skipped() {
      return bad.skipped;
    },
    [Symbol.asyncIterator]: () => items,
  };
}

function read(
  format: RecordingFormat,
  path: string | undefined,
  source: Source,
  maker: PointMaker,
  bad: BadEntries,
): AsyncGenerator<readonly RecordedItem[]> {
  if (source.kind === 'zip') return readBatches(path!, source, maker, bad);
  const chunks = plainBytes(source);
  switch (format) {
    case 'lp':
      return readLineProtocol(chunks, maker, bad);
    case 'srpl':
      return readStreamRecording(chunks, maker, bad);
    case 'brpl':
      return readJson(chunks, (text) => parseBatchEntry(text, maker), bad);
    case 'jsonl':
      return readJson(chunks, (text) => parseJsonLine(text, maker), bad);
    case 'csv':
      return readCsv(chunks, maker, bad);
  }
}

async function* readBatches(
  path: string,
  source: Source,
  maker: PointMaker,
  bad: BadEntries,
): AsyncGenerator<readonly RecordedItem[]> {
  for await (const { name, chunks } of readZip(path, source)) {
    yield* readJson(chunks, (text) => parseBatchEntry(text, maker), bad, name);
  }
}
