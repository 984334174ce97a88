import type { Writable } from 'node:stream';
import Table from 'cli-table3';
import { UdfError } from '../model/errors.js';
import { formatOfName, type RecordedItem, type RecordingFormat } from '../recording/format.js';
import { createRecordingWriter } from '../recording/writer.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';

export const outputFormats = ['lp', 'json', 'csv', 'table'] as const;

/** A format for emitted points, which overrides the extension of the output file. */
export type OutputFormat = (typeof outputFormats)[number];

/** Takes the points and batches that a UDF emits. */
export interface Output {
  /** Points and batches skipped because the format cannot hold them. */
  readonly unwritable: number;
  /** Writes a point or a batch. Await a returned promise before the next one. */
  write(item: RecordedItem): Promise<void> | undefined;
  end(): Promise<void>;
}

export interface WriteOptions {
  readonly compress?: boolean | undefined;
  /**
   * Called for each point or batch that is skipped because the format cannot hold it, such as NaN in line protocol. If not
   * given, `write` throws `invalid_argument`.
   */
  readonly onUnwritable?: ((problem: UdfError) => void) | undefined;
}

/** The format of a file: `format`, or by its extension. Throws `invalid_config` for an unknown extension. */
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

/** Creates an output to a stream. Formats without batches get the points of a batch one by one. */
export function createOutput(
  stream: Writable,
  format: RecordingFormat | 'table',
  options: WriteOptions = {},
): Output {
  return format === 'table' ? new TableOutput(stream) : new RecordingOutput(stream, format, options);
}

class RecordingOutput implements Output {
  unwritable = 0;
  readonly #writer;
  readonly #splitsBatches: boolean;
  readonly #onUnwritable;

  constructor(stream: Writable, format: RecordingFormat, { compress, onUnwritable }: WriteOptions) {
    this.#writer = createRecordingWriter(format, stream, { compress });
    this.#splitsBatches = format === 'lp' || format === 'csv' || format === 'srpl';
    this.#onUnwritable = onUnwritable;
  }

  write(item: RecordedItem): Promise<void> | undefined {
    let hasRoom = true;
    const parts = this.#splitsBatches && item instanceof LazyBatch ? pointsOf(item) : [item];
    for (const part of parts) hasRoom = this.#writePart(part) && hasRoom;
    return hasRoom ? undefined : this.#writer.drained();
  }

  end(): Promise<void> {
    return this.#writer.end();
  }

  #writePart(part: RecordedItem): boolean {
    try {
      return this.#writer.write(part);
    } catch (reason) {
      const isUnwritable = reason instanceof UdfError && reason.code === 'invalid_argument';
      if (!isUnwritable || !this.#onUnwritable) throw reason;
      this.unwritable++;
      this.#onUnwritable(reason);
      return true;
    }
  }
}

/** Converts a batch's points to stream points, with the batch's name, tags and group. */
function pointsOf(batch: LazyBatch): LazyPoint[] {
  const { name, group, tags, byName } = batch;
  const dimensions = Object.keys(tags).sort();
  return batch.points.map(({ time, tags: own, fields }) =>
    LazyPoint.create(
      { time, name, database: '', retentionPolicy: '', group, dimensions, tags: { ...tags, ...own }, byName },
      fields,
    ),
  );
}

/** All rows are kept until the end, since column widths depend on them. */
const maxRows = 1_000;
/** Width of a standard terminal. */
const maxColumns = 80;
const minCellWidth = 8;

class TableOutput implements Output {
  readonly unwritable = 0;
  readonly #stream: Writable;
  readonly #rows: string[][] = [];
  #omitted = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(item: RecordedItem): undefined {
    const points = item instanceof LazyBatch ? pointsOf(item) : [item];
    for (const { time, name, tags, fields } of points) {
      if (this.#rows.length === maxRows) this.#omitted++;
      else this.#rows.push([formatTime(time), name, formatPairs(tags), formatPairs(fields)]);
    }
  }

  async end(): Promise<void> {
    const head = ['time (UTC)', 'name', 'tags', 'fields'];
    const table = new Table({
      head,
      style: { head: [], border: [] }, // no colours
      colWidths: columnWidths([head, ...this.#rows]),
      wordWrap: true,
      wrapOnWordBoundary: false,
    });
    table.push(...this.#rows);
    const more = this.#omitted === 0 ? '' : `… and ${this.#omitted.toLocaleString('en-US')} more\n`;
    const writer = this.#stream;
    await new Promise<void>((resolve, reject) => {
      writer.once('error', reject);
      writer.write(`${table.toString()}\n${more}`);
      writer.end(resolve);
    });
  }
}

/** Column widths, with padding, such that rows fit `maxColumns`. Shrinks the widest columns but the time. */
function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const padding = 2;
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)) + padding);
  const borders = widths.length + 1;
  for (;;) {
    const excess = widths.reduce((sum, width) => sum + width, borders) - maxColumns;
    const widest = Math.max(...widths.slice(1));
    if (excess <= 0 || widest <= minCellWidth) return widths;
    widths[widths.lastIndexOf(widest)] = widest - 1;
  }
}

/** Formats nanoseconds as a UTC time, with 0, 3, 6 or 9 decimals as needed: `2018-01-03 11:30:51.065`. */
export function formatTime(time: bigint): string {
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const date = new Date(Number((time - nanoseconds) / 1_000_000n));
  const [day, clock] = date.toISOString().split(/[TZ.]/) as [string, string];
  if (nanoseconds === 0n) return `${day} ${clock}`;
  const digits = String(nanoseconds)
    .padStart(9, '0')
    .replace(/(?:000){1,2}$/, '');
  return `${day} ${clock}.${digits}`;
}

function formatPairs(record: Readonly<Record<string, unknown>>): string {
  return Object.entries(record)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
}
