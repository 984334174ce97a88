import { UdfError } from '../model/errors.js';
import { batchesOf, batchGroupId, groupId } from '../recording/groups.js';
import { parseDuration } from '../model/duration.js';
import type { Batch, BatchInit } from '../model/batch.js';
import type { BatchPoint, BatchPointInit, Point, PointInit } from '../model/point.js';
import { type EdgeType, type TimeInput } from '../model/values.js';
import { int64Of } from '../wire/int64.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { parseLines } from '../recording/line-protocol.js';

/** The same with a time that may be left out. */
type Timeless<Init> = Omit<Init, 'time'> & { readonly time?: TimeInput | undefined };

/** A point to hand in; without a time it comes one interval after the one before. */
export type PointSource = Point | Timeless<PointInit>;

/** A batch to hand in; without a time it has that of its last point. Its points carry its tags too. */
export type BatchSource =
  | Batch
  | (Timeless<Omit<BatchInit, 'points'>> & {
      readonly points: readonly (BatchPoint | Timeless<BatchPointInit>)[];
    });

/** What a UDF is given: line protocol, points, or batches. */
export type Input = string | PointSource | BatchSource | readonly (PointSource | BatchSource)[];

export interface InputOptions {
  /** The tags that the stream is grouped by, as in `.groupBy('host')`; `*` for all. None if not given. */
  readonly groupBy?: readonly string[] | '*' | undefined;
  /** Whether the measurement's name is part of the group. */
  readonly byName?: boolean | undefined;
  /** `test` if not given. */
  readonly database?: string | undefined;
  /** `autogen` if not given. */
  readonly retentionPolicy?: string | undefined;
  /** The time of the first point that has none: 0 if not given. */
  readonly startTime?: bigint | undefined;
  /** How long after the one before a point without a time comes: `1s` if not given. */
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

  /** The time that a point without one would get now. */
  get nextTime(): bigint {
    return this.#next;
  }

  /** Points for a stream; for a UDF that wants batches, points become one batch a group. */
  of(input: Input): (LazyPoint | LazyBatch)[] {
    const sources = typeof input === 'string' ? parseLines(input) : Array.isArray(input) ? input : [input];
    const made: (LazyPoint | LazyBatch)[] = [];
    let loose: LazyPoint[] = [];
    const collect = (): void => {
      made.push(...batchesOf(loose));
      loose = [];
    };
    for (const source of sources as readonly (PointSource | BatchSource)[]) {
      if ('points' in source) {
        if (this.#wants === 'stream')
          throw new UdfError('invalid_argument', 'the UDF wants points, not a batch');
        collect();
        made.push(this.#batch(source));
      } else {
        const point = this.#point(source);
        (this.#wants === 'stream' ? made : loose).push(point);
      }
    }
    collect();
    return made;
  }

  #point(source: PointSource): LazyPoint {
    if (source instanceof LazyPoint) {
      this.#time(source.time);
      return source;
    }
    const { groupBy = [], ...defaults } = this.#options;
    const { name, tags = {}, byName = defaults.byName ?? false, fields } = source;
    const {
      database = defaults.database ?? 'test',
      retentionPolicy = defaults.retentionPolicy ?? 'autogen',
    } = source;
    const dimensions = source.dimensions ?? (groupBy === '*' ? Object.keys(tags).sort() : groupBy);
    const group = source.group ?? groupId({ name, tags, dimensions, byName });
    const time = this.#time(source.time);
    const head = { time, name, database, retentionPolicy, group, dimensions, tags, byName };
    return LazyPoint.create(head, fields);
  }

  #batch(source: BatchSource): LazyBatch {
    if (source instanceof LazyBatch) return source;
    const { name, tags = {}, byName = this.#options.byName ?? false } = source;
    const group = source.group ?? batchGroupId(name, tags, byName);
    const points = source.points.map((point) => {
      if (point instanceof LazyPoint) return point;
      return { time: this.#time(point.time), tags: { ...tags, ...point.tags }, fields: point.fields };
    });
    const last = points.at(-1)?.time;
    const time = source.time ?? last ?? this.#time(undefined);
    return LazyBatch.create({ name, group, tags, byName }, time, points);
  }

  #time(given: TimeInput | undefined): bigint {
    const time = given === undefined ? this.#next : int64Of(given, "a point's time");
    this.#next = time + this.#interval;
    return time;
  }
}
