import type { FieldInput, FieldInputs, Fields, FieldValue, Tags, TimeInput } from './values.js';

/** The properties of every point, in a stream or in a batch. */
export interface AnyPoint {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  /**
   * The whole seconds in `time`, rounded down. For code that runs per point, `seconds` and `nanoseconds` are faster than
   * `time`, which allocates a bigint.
   */
  readonly seconds: number;
  /** The nanoseconds in `time` beyond `seconds`: 0 to 999,999,999. */
  readonly nanoseconds: number;
  /** The group's identity as Kapacitor writes it, such as `host=router1`; empty when nothing is grouped. */
  readonly group: string;
  /** All tags. A new object each time: read it once, or use `tag()`. */
  readonly tags: Tags;
  /** All fields. A new object each time: read it once, or use `field()`. */
  readonly fields: Fields;
  /** The value of one field: `number` for a double, `bigint` for an integer; `undefined` if absent. */
  field(name: string): FieldValue | undefined;
  /**
   * The value of a numeric field, double or integer, as a `number`; `undefined` if the point has no such field or it is
   * of another type. An integer beyond ±2^53 is rounded to the nearest double: use `field()` where it must be exact.
   */
  number(name: string): number | undefined;
  /** The value of one tag, or `undefined`. */
  tag(name: string): string | undefined;
}

/**
 * Methods that return a changed copy of a point; the original stays as it is. `with…` keeps all fields or tags that are
 * not named, `replace…` keeps none of them.
 *
 * Every method throws `invalid_argument` for an empty name, and for a value that Kapacitor cannot hold: a field that is
 * undefined, null, an object or an integer beyond 64 bits; a tag or a name that is no string.
 */
export interface PointChanges<Self> {
  /** The same point with one field added or replaced, whatever type it had. */
  withField(name: string, value: FieldInput): Self;
  /** The same point with these fields added or replaced, whatever types they had. */
  withFields(fields: FieldInputs): Self;
  /** The same point with these fields instead of its own. */
  replaceFields(fields: FieldInputs): Self;
  /** The same point without these fields. */
  withoutFields(...names: readonly string[]): Self;
  /** The same point with one tag added or replaced. Kapacitor computes the group from tags and dimensions. */
  withTag(name: string, value: string): Self;
  /** The same point with these tags added or replaced. */
  withTags(tags: Tags): Self;
  /** The same point with these tags instead of its own. */
  replaceTags(tags: Tags): Self;
  /** The same point at another time, in nanoseconds. */
  withTime(time: TimeInput): Self;
  /**
   * A copy that owns its bytes. A point is a view into the buffer that it was read from; kept in state, it would keep
   * that whole buffer (64 kB or more) in memory.
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
  /** The same point for another database. */
  withDatabase(database: string): Point;
  /** The same point for another retention policy. */
  withRetentionPolicy(retentionPolicy: string): Point;
  /** The same point grouped by other tags; Kapacitor computes the group from them. */
  withDimensions(dimensions: readonly string[], byName?: boolean): Point;
}

/**
 * A point of a batch. Kapacitor sends it without name, database, retention policy and dimensions: the name and the
 * group's tags are the batch's, so there is no `withName`: use that of the batch, or `createPoint`. A batch query delivers
 * integers as doubles.
 */
export interface BatchPoint extends AnyPoint, PointChanges<BatchPoint> {}

/** The data of a new point of a stream; omitted parts are empty. */
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

/** The data of a new point of a batch. */
export interface BatchPointInit {
  readonly time: TimeInput;
  readonly tags?: Tags;
  readonly fields: FieldInputs;
}
