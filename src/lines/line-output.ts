import { formatFields, formatLine, formatSeries } from '../recording/format-line.js';
import { BytesTable } from '../recording/line-series.js';
import type { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { PointTemplate } from '../wire/point/template.js';
import type { LineSeries, PendingLines } from './pending-lines.js';

const newline = 0x0a;

/** Bytes that are collected before they are written within a turn. */
const chunkBytes = 64 * 1024;

/** Max bytes in UTF-8 of a character code of a string. */
const maxUtf8Bytes = 3;

/** Max lines in a chunk. */
const maxLines = 8192;

/** Up to this length a loop is faster than the native copy. */
const maxLoopBytes = 32;

/** Series that are known by the bytes of their points; a power of two. */
const maxSeries = 65_536;

/** Where lines go. */
export interface LineSink {
  /**
   * Takes a chunk over, which holds whole lines. The first `lines` of `ends` are the offsets behind each of them, newline
   * included; they are valid during the call only.
   */
  write(chunk: Buffer, ends: Int32Array, lines: number): void;
  /** Whether the reader is behind: what the UDF emits is then not read. */
  readonly isBlocked: boolean;
}

/** Writes what a UDF emits as lines, in few large writes. */
export class LineOutput {
  points = 0;
  readonly #sink: LineSink;
  readonly #pending: PendingLines;
  readonly #seriesByHead = new BytesTable<LineSeries>(maxSeries);
  #buf = Buffer.allocUnsafeSlow(chunkBytes);
  #at = 0;
  readonly #ends = new Int32Array(maxLines);
  #lines = 0;
  #isScheduled = false;

  constructor(sink: LineSink, pending: PendingLines) {
    this.#sink = sink;
    this.#pending = pending;
  }

  /** The series of a template's points, with `text` as its measurement and tags unless it is known. */
  seriesOf(template: PointTemplate, text: () => Buffer): LineSeries {
    const { head } = template;
    let series = this.#seriesByHead.get(head, 0, head.length);
    if (!series) {
      series = { template, text: text(), newest: -1, seconds: -1, nanoseconds: 0, repeatsTimes: false };
      this.#seriesByHead.set(head, 0, head.length, series);
    }
    return series;
  }

  /** Writes a point: the line that it came from if it is unchanged. Throws `invalid_argument` for what no line can hold. */
  point(point: LazyPoint): void {
    const { series, line } = this.#pending.find(point, this.#seriesOfPoint);
    if (line) this.#append(line.buf, line.start, line.end);
    else {
      const text = ` ${formatFields(point.fields, series.unsigned)} ${timeText(point)}`;
      this.#reserve(series.text.length + text.length * maxUtf8Bytes + 1);
      this.#copy(series.text, 0, series.text.length);
      this.#at += this.#buf.write(text, this.#at);
      this.#endLine();
    }
    this.points++;
    this.#schedule();
  }

  /** Writes the points of a batch, each with the batch's name and tags. Throws as `point`, with those before it written. */
  batch({ name, tags: batchTags, points }: LazyBatch): void {
    for (const { tags, fields, time } of points) {
      const line = Buffer.from(formatLine({ name, tags: { ...batchTags, ...tags }, fields, time }));
      this.#append(line, 0, line.length);
      this.points++;
    }
    this.#schedule();
  }

  /** Writes an input line as it is. */
  line(buf: Buffer, start: number, end: number): void {
    this.#append(buf, start, end);
    this.points++;
    this.#schedule();
  }

  flush(): void {
    if (this.#at === 0) return;
    this.#sink.write(this.#buf.subarray(0, this.#at), this.#ends, this.#lines);
    // The sink may keep what it was given: the rest of the memory is used next.
    this.#buf = this.#buf.subarray(this.#at);
    this.#at = 0;
    this.#lines = 0;
  }

  readonly #seriesOfPoint = (point: LazyPoint): LineSeries => {
    const { buf, headAt, doublesAt } = LazyPoint.headOf(point);
    const known = this.#seriesByHead.get(buf, headAt, doublesAt);
    if (known) return known;
    const { name, tags, database, retentionPolicy, group, dimensions, byName } = point;
    const template = new PointTemplate({ name, tags, database, retentionPolicy, group, dimensions, byName });
    return this.seriesOf(template, () => Buffer.from(formatSeries(name, tags)));
  };

  #append(buf: Buffer, start: number, end: number): void {
    this.#reserve(end - start + 1);
    this.#copy(buf, start, end);
    this.#endLine();
  }

  #endLine(): void {
    this.#buf[this.#at++] = newline;
    this.#ends[this.#lines++] = this.#at;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buf.length && this.#lines < maxLines) return;
    this.flush();
    if (bytes > this.#buf.length) this.#buf = Buffer.allocUnsafeSlow(Math.max(bytes, chunkBytes));
  }

  #copy(from: Buffer, start: number, end: number): void {
    const to = this.#buf;
    let at = this.#at;
    if (end - start > maxLoopBytes) at += from.copy(to, at, start, end);
    else for (let index = start; index < end; index++) to[at++] = from[index]!;
    this.#at = at;
  }

  /** What is not written in a turn of the input is written by the next microtask: the output of timers and async handlers. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }
}

function timeText(point: LazyPoint): string {
  const { seconds } = point;
  return seconds > 0 ? `${seconds}${String(point.nanoseconds).padStart(9, '0')}` : String(point.time);
}
