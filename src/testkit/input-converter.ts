import { UdfError } from '../model/errors.js';
import { batchesOf } from '../recording/groups.js';
import { parseDuration } from '../model/duration.js';
import type { Batch, BatchInit } from '../model/batch.js';
import type { BatchPoint, BatchPointInit, Point, PointInit } from '../model/point.js';
import { type EdgeType, type TimeInput } from '../model/values.js';
import { int64Of } from '../wire/int64.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { encodeBatch, encodePoint } from '../peer/encode-input.js';
import { parseLines } from '../recording/line-protocol.js';

/** `Init` with an optional time. */
type Timeless<Init> = Omit<Init, 'time'> & { readonly time?: TimeInput | undefined };

/** An input point; without a time it comes one interval after the one before. */
export type PointSource = Point | Timeless<PointInit>;

/** An input batch; without a time it has its last point's. Its points carry its tags too. */
export type BatchSource =
  | Batch
  | (Timeless<Omit<BatchInit, 'points'>> & {
      readonly points: readonly (BatchPoint | Timeless<BatchPointInit>)[];
    });

/** Input of a UDF under test: line protocol, points, or batches. */
export type Input = string | PointSource | BatchSource | readonly (PointSource | BatchSource)[];

export interface InputOptions {
  /** The tags that the stream is grouped by, as in `.groupBy('host')`; `*` for all. Default none. */
  readonly groupBy?: readonly string[] | '*' | undefined;
  /** Whether the measurement's name is part of the group. */
  readonly byName?: boolean | undefined;
  /** Default `test`. */
  readonly database?: string | undefined;
  /** Default `autogen`. */
  readonly retentionPolicy?: string | undefined;
  /** Time of the first point without one, in nanoseconds; default 0. */
  readonly startTime?: bigint | undefined;
  /** Time between a point without a time and the one before; default `1s`. */
  readonly interval?: string | undefined;
}

/** Converts test input to points and batches as Kapacitor sends them; a point without a time follows the one before. */
export class InputConverter {
  readonly #wants: EdgeType;
  readonly #options: InputOptions;
  readonly #interval: bigint;
  #next: bigint;

  constructor(wants: EdgeType, options: InputOptions) {
    this.#wants = wants;
    this.#options = options;
    this.#interval = parseDuration(options.interval ?? '1s');
    this.#next = options.startTime ?? 0n;
  }

  /** The time that the next point without one gets. */
  get nextTime(): bigint {
    return this.#next;
  }

  /**
   * Converts one input. For a UDF that wants batches, points become one batch a group.
   *
   * Throws `malformed` for text that is not line protocol, `invalid_argument` for a batch into a UDF that wants points and for
   * what is neither.
   */
  convert(input: Input): (LazyPoint | LazyBatch)[] {
    const sources = typeof input === 'string' ? parseLines(input) : Array.isArray(input) ? input : [input];
    const items: (LazyPoint | LazyBatch)[] = [];
    let ungrouped: LazyPoint[] = [];
    const collect = (): void => {
      items.push(...batchesOf(ungrouped));
      ungrouped = [];
    };
    for (const source of sources as readonly (PointSource | BatchSource)[]) {
      checkSource(source);
      if ('points' in source) {
        if (this.#wants === 'stream')
          throw new UdfError('invalid_argument', 'the UDF wants points, not a batch');
        collect();
        items.push(this.#batch(source));
      } else {
        const point = this.#point(source);
        (this.#wants === 'stream' ? items : ungrouped).push(point);
      }
    }
    collect();
    return items;
  }

  #point(source: PointSource): LazyPoint {
    if (source instanceof LazyPoint) {
      this.#time(source.time);
      return source;
    }
    const { groupBy = [], ...defaults } = this.#options;
    const { tags = {} } = source;
    return encodePoint({
      ...source,
      time: this.#time(source.time),
      database: source.database ?? defaults.database ?? 'test',
      retentionPolicy: source.retentionPolicy ?? defaults.retentionPolicy ?? 'autogen',
      dimensions: source.dimensions ?? (groupBy === '*' ? Object.keys(tags).sort() : groupBy),
      byName: source.byName ?? defaults.byName ?? false,
    });
  }

  #batch(source: BatchSource): LazyBatch {
    if (source instanceof LazyBatch) return source;
    const points = source.points.map((point) =>
      point instanceof LazyPoint ? point : { ...point, time: this.#time(point.time) },
    );
    const time = source.time ?? points.at(-1)?.time ?? this.#time(undefined);
    return encodeBatch({ ...source, time, points, byName: source.byName ?? this.#options.byName ?? false });
  }

  #time(given: TimeInput | undefined): bigint {
    const time = given === undefined ? this.#next : int64Of(given, "a point's time");
    this.#next = time + this.#interval;
    return time;
  }
}

/** Untyped callers may pass anything, such as lines in an array. */
function checkSource(source: unknown): void {
  if (typeof source === 'object' && source !== null) return;
  const got = source === null ? 'null' : typeof source;
  const hint =
    got === 'string' ? ' in an array; several lines are one string, with newlines between them' : '';
  throw new UdfError('invalid_argument', `an input is line protocol, points or batches, got ${got}${hint}`);
}
