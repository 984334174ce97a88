import { Writable } from 'node:stream';
import Table from 'cli-table3';
import type { RecordedItem, RecordingFormat } from '../recording/format.js';
import { formatOfName } from '../recording/format.js';
import { createRecordingWriter } from '../recording/writer.js';
import { systemCode } from '../model/errors.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { ExitCode } from '../cli/exit-code.js';

export type OutputFormat = 'lp' | 'json' | 'csv' | 'table';

/** Where the points go that a UDF emits. */
export interface Output {
  /** Takes a point or a batch; a promise is to be awaited before the next. */
  write(item: RecordedItem): Promise<void> | undefined;
  end(): Promise<void>;
}

/** What a file of this name is written as, if nothing else is asked for. */
export function formatForFile(path: string, format: OutputFormat | undefined): RecordingFormat | 'table' {
  return format === undefined ? formatOfName(path) : recordingFormat(format);
}

export function recordingFormat(format: OutputFormat): RecordingFormat | 'table' {
  return format === 'json' ? 'jsonl' : format;
}

/** Whether a file of this name and format is compressed. */
export function isCompressed(path: string, format: RecordingFormat | 'table'): boolean {
  return format === 'srpl' || format === 'brpl' || (format !== 'table' && /\.gz$/i.test(path));
}

/** Writes to a stream. Formats that hold no batches get their points. */
export function outputTo(stream: Writable, format: RecordingFormat | 'table', compress?: boolean): Output {
  if (format === 'table') return new TableOutput(stream);
  const writer = createRecordingWriter(format, stream, { compress });
  const flat = format === 'lp' || format === 'csv' || format === 'srpl';
  return {
    write(item) {
      let roomy = true;
      const parts = flat && item instanceof LazyBatch ? pointsOf(item) : [item];
      for (const part of parts) roomy = writer.write(part) && roomy;
      return roomy ? undefined : writer.drained();
    },
    end: () => writer.end(),
  };
}

/** Standard output. That its reader has gone ends the command without a word. */
export function standardOutput(): Writable {
  process.stdout.off('error', toldToWrite).on('error', toldToWrite); // one, however often this is called
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      process.stdout.write(chunk, (error) => {
        done(error && systemCode(error) === 'EPIPE' ? new ExitCode(0) : error);
      });
    },
  });
}

/** An error of a stream is told to the write that met it, too. */
const toldToWrite = (): undefined => undefined;

/** A batch's points as points of a stream: with the batch's name, tags and group. */
export function pointsOf(batch: LazyBatch): LazyPoint[] {
  const { name, group, tags, byName } = batch;
  const dimensions = Object.keys(tags).sort();
  return batch.points.map(({ time, tags: own, fields }) =>
    LazyPoint.create(
      { time, name, database: '', retentionPolicy: '', group, dimensions, tags: { ...tags, ...own }, byName },
      fields,
    ),
  );
}

/** A table needs the widths of all rows: so many are shown. */
const maxRows = 1_000;

class TableOutput implements Output {
  readonly #stream: Writable;
  readonly #rows: string[][] = [];
  #left = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(item: RecordedItem): undefined {
    const points = item instanceof LazyBatch ? pointsOf(item) : [item];
    for (const { time, name, tags, fields } of points) {
      if (this.#rows.length === maxRows) this.#left++;
      else this.#rows.push([String(time), name, pairs(tags), pairs(fields)]);
    }
  }

  async end(): Promise<void> {
    const table = new Table({
      head: ['time', 'name', 'tags', 'fields'],
      style: { head: [], border: [] }, // no colours
    });
    table.push(...this.#rows);
    const more = this.#left === 0 ? '' : `… and ${this.#left} more\n`;
    const writer = this.#stream;
    await new Promise<void>((resolve, reject) => {
      writer.once('error', reject);
      writer.write(`${table.toString()}\n${more}`);
      writer.end(resolve);
    });
  }
}

function pairs(record: Readonly<Record<string, unknown>>): string {
  return Object.entries(record)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
}
