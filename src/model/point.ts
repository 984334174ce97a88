import type { FieldInput, FieldInputs, Fields, FieldValue, Tags, TimeInput } from './values.js';

/** What every point has, in a stream or in a batch. */
export interface AnyPoint {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  /** The whole seconds in `time`, rounded down. With `nanoseconds`, for what is compared with every point: `time` takes
   * longer, since each bigint is a new object. */
  readonly seconds: number;
  /** What `time` has beyond `seconds`: 0 to 999,999,999. */
  readonly nanoseconds: number;
  /** The group's identity as Kapacitor writes it, such as `host=router1`; empty when nothing is grouped. */
  readonly group: string;
  /** All tags. A new object each time: read it once, or use `tag()`. */
  readonly tags: Tags;
  /** All fields. A new object each time: read it once, or use `field()`. */
  readonly fields: Fields;
  /** The value of one field: `number` for a double, `bigint` for an integer; `undefined` if there is none. */
  field(name: string): FieldValue | undefined;
  /** The value of one tag, or `undefined`. */
  tag(name: string): string | undefined;
}

/** How to make a changed point. Each returns a new one; the original stays. */
export interface PointChanges<Self> {
  /**
   * The same point with just these fields. Throws `invalid_argument` for a value that no Kapacitor field can hold
   * (undefined, null, an object, a bigint beyond int64).
   */
  withFields(fields: FieldInputs): Self;
  /** The same point with one field added or replaced, whatever type it had. Throws as `withFields` does. */
  withField(name: string, value: FieldInput): Self;
  /** The same point with several fields added or replaced. Throws as `withFields` does. */
  addFields(fields: FieldInputs): Self;
  /** The same point without these fields. */
  withoutFields(...names: readonly string[]): Self;
  /** The same point with just these tags. Kapacitor works out the group anew from tags and dimensions. */
  withTags(tags: Tags): Self;
  /** The same point at another time, in nanoseconds. */
  withTime(time: TimeInput): Self;
  /**
   * A copy that owns its bytes. A point is a view into the buffer that it was read from: one that is kept in state
   * beyond its handler would hold that whole buffer (64 kB or more) in memory.
   */
  detach(): Self;
}

/** A point of a stream. */
export interface Point extends AnyPoint, PointChanges<Point> {
  /** The measurement. */
  readonly name: string;
  readonly database: string;
  readonly retentionPolicy: string;
  /** The names of the tags that the stream is grouped by, in order. */
  readonly dimensions: readonly string[];
  /** Whether the measurement's name is part of the group. */
  readonly byName: boolean;
  /** The same point under another measurement name. */
  withName(name: string): Point;
  /** The same point grouped by other tags; Kapacitor works out the group from them. */
  withDimensions(dimensions: readonly string[], byName?: boolean): Point;
}

/**
 * A point of a batch. Kapacitor sends it without name, database, retention policy and dimensions: the name and the
 * group's tags are the batch's. A batch query delivers integers as doubles.
 */
export interface BatchPoint extends AnyPoint, PointChanges<BatchPoint> {}

/** What to make a point of a stream from; whatever is left out is empty. */
export interface PointInit {
  readonly time: TimeInput;
  readonly name: string;
  readonly database?: string;
  readonly retentionPolicy?: string;
  readonly group?: string;
  readonly dimensions?: readonly string[];
  readonly byName?: boolean;
  readonly tags?: Tags;
  readonly fields: FieldInputs;
}

/** What to make a point of a batch from. */
export interface BatchPointInit {
  readonly time: TimeInput;
  readonly tags?: Tags;
  readonly fields: FieldInputs;
}
