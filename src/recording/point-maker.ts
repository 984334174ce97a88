import type { FieldInputs, Tags } from '../model/values.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { PointTemplate } from '../wire/point/template.js';
import { NoFieldsError } from './entries.js';
import { batchGroupId, groupId } from './groups.js';

/** Properties of points that a format may not record. */
export interface PointOptions {
  /** The tags that the stream is grouped by, as in `.groupBy('host')`; `*`, all of them, if not given. */
  readonly groupBy?: readonly string[] | '*' | undefined;
  /** Whether the measurement's name is part of the group. */
  readonly byName?: boolean | undefined;
  /** For formats that do not hold it; empty if not given. */
  readonly database?: string | undefined;
  /** For formats that do not hold it; empty if not given. */
  readonly retentionPolicy?: string | undefined;
  /**
   * Time of points without one, in nanoseconds since the epoch; by default when the recording was opened. A function is
   * called for each such point.
   */
  readonly now?: bigint | (() => bigint) | undefined;
  /**
   * Leave out points of a stream without fields, for output formats that cannot hold them. Kapacitor may send such points.
   */
  readonly needsFields?: boolean | undefined;
}

/** A point's database and retention policy; the options hold the defaults. */
export interface Dbrp {
  readonly database?: string | undefined;
  readonly retentionPolicy?: string | undefined;
}

/** The content of a batch to build. */
export interface BatchParts {
  readonly name: string;
  readonly tags: Tags;
  readonly byName: boolean;
  readonly time: bigint;
  readonly points: readonly { readonly time: bigint; readonly tags: Tags; readonly fields: FieldInputs }[];
}

/** Builds grouped points and batches as Kapacitor would send them. Throws `malformed`. */
export class PointMaker {
  readonly #now: bigint | (() => bigint);
  readonly #options: PointOptions;

  constructor(options: PointOptions) {
    this.#options = options;
    this.#now = options.now ?? BigInt(Date.now()) * 1_000_000n;
  }

  /** The time for the next point without one. */
  now(): bigint {
    return typeof this.#now === 'function' ? this.#now() : this.#now;
  }

  template(name: string, tags: Tags, dbrp: Dbrp): PointTemplate {
    return new PointTemplate(this.#head(name, tags, dbrp));
  }

  point(name: string, tags: Tags, fields: FieldInputs, time: bigint, dbrp: Dbrp): LazyPoint {
    if (this.#options.needsFields && Object.keys(fields).length === 0) {
      throw new NoFieldsError();
    }
    return LazyPoint.create({ ...this.#head(name, tags, dbrp), time }, fields);
  }

  batch({ name, tags, byName, time, points }: BatchParts): LazyBatch {
    return LazyBatch.create({ name, group: batchGroupId(name, tags, byName), tags, byName }, time, points);
  }

  #head(name: string, tags: Tags, dbrp: Dbrp) {
    const { groupBy = '*', byName = false } = this.#options;
    const { database = this.#options.database ?? '' } = dbrp;
    const { retentionPolicy = this.#options.retentionPolicy ?? '' } = dbrp;
    const dimensions = groupBy === '*' ? Object.keys(tags).sort() : groupBy;
    const group = groupId({ name, tags, dimensions, byName });
    return { name, database, retentionPolicy, group, dimensions, tags, byName };
  }
}
