import { UdfError } from '../model/errors.js';
import type { FieldInputs, LongLike, Tags } from '../model/values.js';
import type { FrameOutput } from './frame-output.js';
import { checkArray, checkNames, nonEmpty, tagOf, textOf, wrongType } from './checks.js';
import { int64Of } from './int64.js';
import { LazyPoint } from './point/lazy-point.js';
import { batchForJson, type Inspect, inspectSymbol, shownBatch } from './point/show.js';
import { type BeginMessage, encodeResponse } from './messages.js';

/** A received frame: `buf[start..end)`. */
export interface FrameSlice {
  readonly buf: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The data of a new point of a batch. */
export interface BatchPointSource {
  readonly time: bigint | LongLike;
  readonly tags?: Tags;
  readonly fields: FieldInputs;
}

/** A batch's name and group. */
export type BatchHead = Omit<BeginMessage, 'size'>;

/**
 * A batch whose points are views over their bytes; unchanged, it is forwarded as the frames that it was received in.
 */
export class LazyBatch {
  readonly name: string;
  readonly group: string;
  readonly tags: Tags;
  readonly byName: boolean;
  readonly time: bigint;
  readonly points: readonly LazyPoint[];
  /** The received Begin and End, as long as they are still true of this batch. */
  readonly #begin: FrameSlice | undefined;
  readonly #end: FrameSlice | undefined;

  constructor(
    head: BatchHead,
    time: bigint,
    points: readonly LazyPoint[],
    begin?: FrameSlice,
    end?: FrameSlice,
  ) {
    this.name = head.name;
    this.group = head.group;
    this.tags = Object.freeze(head.tags);
    this.byName = head.byName;
    this.time = time;
    this.points = Object.freeze(points);
    this.#begin = begin;
    this.#end = end;
    // JavaScript may write to readonly properties: Begin and End would no longer match the points between them.
    Object.freeze(this);
  }

  /** Whether a value is a batch; as `LazyPoint.is`. */
  static is(value: unknown): value is LazyBatch {
    return typeof value === 'object' && value !== null && #begin in value;
  }

  /** A new batch. Throws `invalid_argument` for a value that the protocol cannot hold; empty names pass. */
  static create(
    head: BatchHead,
    time: bigint | LongLike,
    points: readonly (LazyPoint | BatchPointSource)[],
  ): LazyBatch {
    const { name, tags, group, byName } = head;
    return new LazyBatch(
      { name: nameOf(name), group: textOf(group, "a batch's group"), tags: tagsOf(tags), byName },
      int64Of(time, "a batch's time"),
      lazyPoints(points, group),
    );
  }

  withPoints(points: readonly (LazyPoint | BatchPointSource)[]): LazyBatch {
    const own = lazyPoints(points, this.group); // checks first that each is an object
    for (const point of points) {
      if (point instanceof LazyPoint) continue;
      checkNames('field', point.fields);
      if (point.tags !== undefined) checkNames('tag', point.tags);
    }
    return new LazyBatch(this, this.time, own);
  }

  withName(name: string): LazyBatch {
    return new LazyBatch({ ...this.head(), name: nonEmpty(nameOf(name), batchName) }, this.time, this.points);
  }

  withTag(name: string, value: string): LazyBatch {
    return this.withTags({ [textOf(name, "a tag's name")]: value });
  }

  withTags(tags: Tags): LazyBatch {
    checkNames('tag', tags);
    return this.replaceTags({ ...this.tags, ...tags });
  }

  replaceTags(tags: Tags): LazyBatch {
    checkNames('tag', tags);
    return new LazyBatch({ ...this.head(), tags: tagsOf(tags) }, this.time, this.points);
  }

  withTime(time: bigint | LongLike): LazyBatch {
    return new LazyBatch(this, int64Of(time, "a batch's time"), this.points);
  }

  /** Adds its frames to `output`: Begin with the number of points as its size, the points, End. */
  writeTo(output: FrameOutput): void {
    const begin = this.#begin;
    const end = this.#end;
    if (begin) output.add(begin.buf, begin.start, begin.end);
    else add(output, encodeResponse({ kind: 'begin', ...this.head(), size: BigInt(this.points.length) }));
    for (const point of this.points) point.writeTo(output);
    if (end) output.add(end.buf, end.start, end.end);
    else add(output, encodeResponse({ kind: 'end', ...this.head(), tmax: this.time }));
  }

  /** As `LazyPoint.toJSON`. */
  toJSON(key?: string): object {
    return key === undefined ? shownBatch(this) : batchForJson(this);
  }

  /** The same text as `JSON.stringify` gives. */
  toString(): string {
    return JSON.stringify(this);
  }

  [inspectSymbol](_depth: number, options: object, inspect: Inspect): string {
    return inspect(shownBatch(this), options);
  }

  private head(): BatchHead {
    const { name, group, tags, byName } = this;
    return { name, group, tags, byName };
  }
}

const batchName = "a batch's name";

function nameOf(name: string): string {
  return textOf(name, batchName);
}

/** A checked copy: protobufjs silently writes a value that is not a string as an empty one. */
function tagsOf(tags: Tags): Tags {
  const own = { ...tags };
  for (const [key, value] of Object.entries(own)) tagOf(key, value);
  return own;
}

function add(output: FrameOutput, frame: Buffer): void {
  output.add(frame, 0, frame.length);
}

function lazyPoints(points: readonly (LazyPoint | BatchPointSource)[], group: string): readonly LazyPoint[] {
  checkArray("a batch's points", points);
  // Not `map`, which skips the holes of a sparse array, and which an author's array may override.
  return Array.from(points, (point) => {
    if (LazyPoint.is(point)) return point;
    if (point instanceof LazyPoint) {
      throw new UdfError(
        'invalid_argument',
        "a batch's point is a Proxy or Object.create() of a point: give the point",
      );
    }
    if (typeof point !== 'object' || (point as unknown) === null) {
      throw wrongType("a batch's point", 'an object', point);
    }
    return LazyPoint.create(batchPointHead(point, group), point.fields);
  });
}

/** Kapacitor's batch points carry neither name nor database, retention policy or dimensions. */
function batchPointHead({ time, tags = {} }: BatchPointSource, group: string) {
  return { time, name: '', database: '', retentionPolicy: '', group, dimensions: [], tags, byName: false };
}
