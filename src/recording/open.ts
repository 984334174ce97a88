import type { Readable } from 'node:stream';
import { UdfError } from '../model/errors.js';
import { BadEntries } from './entries.js';
import { parseBatchEntry } from './batch-entry.js';
import { formatOfName, type RecordedItem, type RecordingFormat } from './format.js';
import { JsonTimes, parseJsonLine } from './json-line.js';
import { PointMaker, type PointOptions } from './point-maker.js';
import { readAnyCsv } from './csv-blocks.js';
import { readGreenButton } from './green-button/read.js';
import { readJson } from './read-json.js';
import {
  checkReadOptions,
  needsTranscoding,
  type ReadOptions,
  transcoded,
  transcodedByMark,
} from './read-options.js';
import { readLineProtocol, readStreamRecording } from './read-lines.js';
import { formatOfFile, openSource, plainBytes, readZip, type Source } from './source.js';

export interface OpenOptions extends PointOptions, ReadOptions {
  /** Its name in messages; the path by default. */
  readonly name?: string | undefined;
}

/** A recording, read while it is iterated over; iterable once. Yields arrays of points and batches, in order. */
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
 * Opens a recording, which is read in constant memory. Compression is recognized by the bytes: line protocol, stream
 * recordings, JSON Lines and CSV may be gzipped, and a batch recording a zip file or plain.
 *
 * Throws `invalid_config` if it cannot be read or its name has no known extension, and `usage` for an option that does
 * not apply to the format; iterating throws `malformed` that names file, line and what is wrong.
 */
export async function openRecording(from: string | Readable, options: OpenOptions = {}): Promise<Recording> {
  const name = options.name ?? (typeof from === 'string' ? from : 'stream');
  const format = options.format ?? (name === from ? await formatOfFile(name) : formatOfName(name));
  checkReadOptions(options, format);
  const source = await openSource(from, name);
  const path = typeof from === 'string' ? from : undefined;
  if (source.kind === 'zip' && (format !== 'brpl' || path === undefined)) {
    const why = format === 'brpl' ? 'a zip file is read from disk, not from a stream' : 'it is a zip file';
    throw new UdfError('invalid_config', `cannot read ${name}: ${why}`);
  }
  const bad = new BadEntries(name, options);
  const items = read(format, path, source, options, bad);
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
  options: OpenOptions,
  bad: BadEntries,
): AsyncGenerator<readonly RecordedItem[]> {
  const maker = new PointMaker(options);
  if (source.kind === 'zip') return readBatches(path!, source, maker, bad, options.encoding);
  const reading = { ...options, bad, openQuoteTimeoutMs: openQuoteTimeoutMs(source) };
  const chunks = textChunks(source, options.encoding);
  switch (format) {
    case 'lp':
      return readLineProtocol(chunks, maker, reading);
    case 'srpl':
      return readStreamRecording(chunks, maker, reading);
    case 'brpl':
      return readJson(chunks, (text) => [parseBatchEntry(text, maker)], bad);
    case 'jsonl':
      return readJsonLines(chunks, maker, options, bad);
    case 'csv':
      return readAnyCsv(chunks, maker, reading);
    case 'greenbutton':
      return readGreenButton(chunks, maker, {
        bad,
        measurement: options.measurement,
        links: options.links,
        onWarning: options.onWarning,
        isTranscoded: needsTranscoding(options.encoding),
      });
  }
}

/** The bytes of a source without compression, in UTF-8. */
export function textChunks(source: Source, encoding: string | undefined): AsyncIterable<Buffer> {
  return inUtf8(plainBytes(source), encoding);
}

/** Chunks in UTF-8, whatever their encoding. */
export function inUtf8(chunks: AsyncIterable<Buffer>, encoding: string | undefined): AsyncIterable<Buffer> {
  if (encoding === undefined) return transcodedByMark(chunks);
  return needsTranscoding(encoding) ? transcoded(chunks, encoding) : chunks;
}

/** A file is read to its end at once; only a stream may keep a reader waiting inside quotes. */
export function openQuoteTimeoutMs(source: Source): number {
  return source.size === undefined ? 1_000 : Infinity;
}

async function* readJsonLines(
  chunks: AsyncIterable<Buffer>,
  maker: PointMaker,
  options: OpenOptions,
  bad: BadEntries,
): AsyncGenerator<readonly RecordedItem[]> {
  const times = new JsonTimes(options);
  yield* readJson(chunks, (text) => parseJsonLine(text, maker, times), bad);
  for (const warning of [...times.warnings, ...bad.warnings]) options.onWarning?.(warning);
}

async function* readBatches(
  path: string,
  source: Source,
  maker: PointMaker,
  bad: BadEntries,
  encoding: string | undefined,
): AsyncGenerator<readonly RecordedItem[]> {
  for await (const { name, chunks } of readZip(path, source)) {
    yield* readJson(inUtf8(chunks, encoding), (text) => [parseBatchEntry(text, maker)], bad, name);
  }
}
