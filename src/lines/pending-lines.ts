import { LazyPoint } from '../wire/point/lazy-point.js';
import type { PointTemplate } from '../wire/point/template.js';

/** A measurement with tags, as the lines of the input write it. */
export interface LineSeries {
  readonly template: PointTemplate;
  /** Measurement and tags as they are written. */
  readonly text: Buffer;
  /** The fields that came as unsigned integers, and go out as such. */
  unsigned?: Set<string> | undefined;
  /** The number of its newest line; -1 if there is none. */
  newest: number;
  /** The time of its newest line, in seconds and nanoseconds. */
  seconds: number;
  nanoseconds: number;
  /** Whether lines of one time have followed each other: then a changed point may be another line unchanged. */
  repeatsTimes: boolean;
}

/** The line of a point that a UDF emits: its own if it is unchanged, or else that of the point it was made from. */
export interface SourceLine {
  readonly series: LineSeries;
  /** `buf[start..end)`, if the point is unchanged. */
  readonly line: { readonly buf: Buffer; readonly start: number; readonly end: number } | undefined;
}

/** Max lines that are kept; a power of two. More than an agent reads ahead. */
const capacity = 16_384;
/** Max bytes of the lines that are kept. */
const maxBytes = 16 * 1024 * 1024;
/** Max lines of a series that are compared with one point. */
const maxCompared = 1024;

/**
 * The lines that were sent to the UDF last, so that a point that it emits unchanged goes out as its own line, byte for byte.
 * UDFs mostly emit in the order of their input: the next line is compared first, and then the lines of the point's series.
 */
export class PendingLines {
  readonly #points = new Array<LazyPoint | undefined>(capacity).fill(undefined);
  readonly #bufs = new Array<Buffer | undefined>(capacity).fill(undefined);
  readonly #series = new Array<LineSeries | undefined>(capacity).fill(undefined);
  readonly #starts = new Int32Array(capacity);
  readonly #ends = new Int32Array(capacity);
  /** The number of the previous line of the same series; -1 if there is none. */
  readonly #previous = new Float64Array(capacity);
  /** The lines `[#first, #end)` are kept. */
  #first = 0;
  #end = 0;
  #bytes = 0;
  /** The line behind the one that was found last. */
  #next = 0;

  add(point: LazyPoint, series: LineSeries, buf: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    while (this.#end - this.#first >= capacity || (this.#bytes > maxBytes && this.#first < this.#end)) {
      this.#removeFirst();
    }
    const slot = this.#end & (capacity - 1);
    this.#points[slot] = point;
    this.#bufs[slot] = buf;
    this.#series[slot] = series;
    this.#starts[slot] = start;
    this.#ends[slot] = end;
    this.#previous[slot] = series.newest;
    series.newest = this.#end++;
  }

  /** The line of a point; its series is looked up only if it is not that of the next line. */
  find(point: LazyPoint, seriesOf: (point: LazyPoint) => LineSeries): SourceLine {
    const next = Math.max(this.#next, this.#first);
    const relation =
      next < this.#end ? LazyPoint.compare(point, this.#points[next & (capacity - 1)]!) : undefined;
    const series = relation && this.#series[next & (capacity - 1)]!;
    if (series && (relation === 'same' || !series.repeatsTimes)) return this.#found(next, relation);
    return this.#findInSeries(point, series ?? seriesOf(point));
  }

  #findInSeries(point: LazyPoint, series: LineSeries): SourceLine {
    let changed = -1;
    let number = series.newest;
    for (let compared = 0; number >= this.#first && compared < maxCompared; compared++) {
      const slot = number & (capacity - 1);
      const relation = LazyPoint.compare(point, this.#points[slot]!); // its number is within the bounds
      if (relation === 'same') return this.#found(number, relation);
      if (relation === 'changed') changed = number;
      number = this.#previous[slot]!;
    }
    return changed < 0 ? { series, line: undefined } : this.#found(changed, 'changed');
  }

  #found(number: number, relation: 'same' | 'changed'): SourceLine {
    this.#next = number + 1;
    const slot = number & (capacity - 1);
    const series = this.#series[slot]!;
    if (relation === 'changed') return { series, line: undefined };
    return { series, line: { buf: this.#bufs[slot]!, start: this.#starts[slot]!, end: this.#ends[slot]! } };
  }

  #removeFirst(): void {
    const slot = this.#first++ & (capacity - 1);
    this.#bytes -= this.#ends[slot]! - this.#starts[slot]!;
    this.#points[slot] = this.#bufs[slot] = this.#series[slot] = undefined;
  }
}
