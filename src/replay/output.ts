import type { Writable } from 'node:stream';
import Table from 'cli-table3';
import { UdfError } from '../model/errors.js';
import { formatOfName, type RecordedItem, type RecordingFormat } from '../recording/format.js';
import { createRecordingWriter } from '../recording/writer.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';

export const outputFormats = ['lp', 'json', 'csv', 'table'] as const;

/** How emitted points are written where the file's name does not say it. */
export type OutputFormat = (typeof outputFormats)[number];

/** Takes the points and batches that a UDF emits. */
export interface Output {
  /** How many points and batches the format could not hold. */
  readonly unwritable: number;
  /** Takes a point or a batch; a promise is to be awaited before the next one. */
  write(item: RecordedItem): Promise<void> | undefined;
  end(): Promise<void>;
}

export interface WriteOptions {
  readonly compress?: boolean | undefined;
  /**
   * Called for each point or batch that the format cannot hold, such as NaN in line protocol: it is left out and
   * counted. If not given, `write` throws `invalid_argument`.
   */
  readonly onUnwritable?: ((problem: UdfError) => void) | undefined;
}

/** The format of a file: `format` if given, else as its name says. Throws `invalid_config` if the name says none. */
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

/** Writes to a stream. Formats without batches get the points of batches. */
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
  readonly #flat: boolean;
  readonly #onUnwritable;

  constructor(stream: Writable, format: RecordingFormat, { compress, onUnwritable }: WriteOptions) {
    this.#writer = createRecordingWriter(format, stream, { compress });
    this.#flat = format === 'lp' || format === 'csv' || format === 'srpl';
    this.#onUnwritable = onUnwritable;
  }

  write(item: RecordedItem): Promise<void> | undefined {
    let roomy = true;
    const parts = this.#flat && item instanceof LazyBatch ? pointsOf(item) : [item];
    for (const part of parts) roomy = this.#writePart(part) && roomy;
    return roomy ? undefined : this.#writer.drained();
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

/** A batch's points as points of a stream: with the batch's name, tags and group. */
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

/** Column widths depend on all rows, which are kept until the end. */
const maxRows = 1_000;
/** The narrowest terminal that is usual. */
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
      else this.#rows.push([formatTime(time), name, pairs(tags), pairs(fields)]);
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

/** The width of each column with its padding, so that a row with its borders fits. The widest text columns give way. */
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

/** A time in nanoseconds as people read it: `2018-01-03 11:30:51.065`, with as many decimals as it needs, in UTC. */
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

function pairs(record: Readonly<Record<string, unknown>>): string {
  return Object.entries(record)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
}
