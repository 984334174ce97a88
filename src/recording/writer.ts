import { once } from 'node:events';
import { PassThrough, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { ZipFile } from 'yazl';
import { UdfError } from '../model/errors.js';
import { formatBatchEntry } from './batch-entry.js';
import { CsvText } from './csv-writer.js';
import type { RecordedItem, RecordingFormat } from './format.js';
import { formatJsonLine } from './json-line.js';
import { formatPointLine, formatStreamEntry } from './format-line.js';

export interface WriterOptions {
  /**
   * Whether to compress. By default only Kapacitor's recordings are: `.srpl` with gzip, `.brpl` as a zip file.
   */
  readonly compress?: boolean | undefined;
}

/** Writes a recording. */
export interface RecordingWriter {
  /** How many points and batches have been written. */
  readonly count: number;
  /**
   * Adds a point or a batch. False if the stream is behind and `drained` should be awaited. Throws `invalid_argument`
   * for an item that the format cannot hold; no part of it is written.
   */
  write(item: RecordedItem): boolean;
  drained(): Promise<void>;
  /** Flushes and ends the stream. Rejects with the stream's error. */
  end(): Promise<void>;
}

/** Writes a recording to a stream; Kapacitor can load its own formats, `.srpl` and `.brpl`. */
export function createRecordingWriter(
  format: RecordingFormat,
  stream: Writable,
  options: WriterOptions = {},
): RecordingWriter {
  const compress = options.compress ?? (format === 'srpl' || format === 'brpl');
  return new TextWriter(formatter(format), compress ? compressed(format, stream) : stream, stream);
}

function formatter(format: RecordingFormat): (item: RecordedItem) => string {
  switch (format) {
    case 'lp':
      return formatPointLine;
    case 'srpl':
      return formatStreamEntry;
    case 'brpl':
      return formatBatchEntry;
    case 'jsonl':
      return formatJsonLine;
    case 'csv': {
      const csv = new CsvText();
      return (item) => csv.format(item);
    }
    case 'greenbutton':
      throw new UdfError('usage', 'Green Button feeds are only read; write .csv, .jsonl or .lp');
  }
}

/** A stream whose text is written compressed to `target`. */
export function compressed(format: RecordingFormat, target: Writable): Writable {
  if (format !== 'brpl') {
    const gzip = createGzip();
    gzip.pipe(target);
    return gzip;
  }
  // Kapacitor has an entry for each query of the task, numbered from 0.
  const text = new PassThrough();
  const zip = new ZipFile();
  zip.addReadStream(text, '0');
  zip.end();
  zip.outputStream.pipe(target);
  return text;
}

const flushCharacters = 64 * 1024;

class TextWriter implements RecordingWriter {
  count = 0;
  readonly #format: (item: RecordedItem) => string;
  readonly #text: Writable;
  readonly #finished: Promise<unknown>;
  #failure: unknown;
  #pending = '';

  constructor(format: (item: RecordedItem) => string, text: Writable, target: Writable) {
    this.#format = format;
    this.#text = text;
    this.#finished = finished(target, { readable: false });
    this.#finished.catch((reason: unknown) => {
      this.#failure = reason;
      text.destroy();
    });
    text.on('error', () => undefined); // reported by `finished`, or caused by our `destroy`
  }

  write(item: RecordedItem): boolean {
    if (this.#failure !== undefined) throw this.#error();
    this.#pending += `${this.#formatted(item)}\n`;
    this.count++;
    return this.#pending.length < flushCharacters || this.#flush();
  }

  #formatted(item: RecordedItem): string {
    try {
      return this.#format(item);
    } catch (reason) {
      const error = UdfError.from(reason);
      const what = 'points' in item ? 'batch' : 'point';
      const place = `the ${what} of group "${item.group}" at ${item.time}`;
      throw new UdfError(error.code, `${error.message} (${place}); JSON Lines can hold it`, { cause: error });
    }
  }

  async drained(): Promise<void> {
    if (this.#text.writableNeedDrain) {
      await Promise.race([once(this.#text, 'drain'), this.#finished]).catch(() => undefined);
    }
    if (this.#failure !== undefined) throw this.#error();
  }

  async end(): Promise<void> {
    this.#flush();
    this.#text.end();
    await this.#finished.catch(() => {
      throw this.#error();
    });
  }

  #flush(): boolean {
    const text = this.#pending;
    this.#pending = '';
    return text === '' || this.#text.write(text);
  }

  #error(): UdfError {
    return UdfError.from(this.#failure, 'connection');
  }
}
