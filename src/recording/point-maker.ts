import { UdfError } from '../model/errors.js';
import type { FieldInputs, Tags } from '../model/values.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { PointTemplate } from '../wire/point/template.js';
import { batchGroupId, groupId } from './groups.js';

/** What formats do not record of their points. */
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
   * The time of points that have none, as a database gives it; that of opening the recording if not given. A function is
   * called for each.
   */
  readonly now?: bigint | (() => bigint) | undefined;
  /**
   * Refuse points of a stream without fields, for output formats that cannot hold them. Kapacitor may send such points.
   */
  readonly needsFields?: boolean | undefined;
}

/** A point's database and retention policy; what is left out is as the options say. */
export interface Dbrp {
  readonly database?: string | undefined;
  readonly retentionPolicy?: string | undefined;
}

/** What to make a batch from. */
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

  template(name: string, tags: Tags, where: Dbrp): PointTemplate {
    return new PointTemplate(this.#head(name, tags, where));
  }

  point(name: string, tags: Tags, fields: FieldInputs, time: bigint, where: Dbrp): LazyPoint {
    if (this.#options.needsFields && Object.keys(fields).length === 0) {
      throw new UdfError('malformed', 'it has no field');
    }
    return LazyPoint.create({ ...this.#head(name, tags, where), time }, fields);
  }

  batch({ name, tags, byName, time, points }: BatchParts): LazyBatch {
    return LazyBatch.create({ name, group: batchGroupId(name, tags, byName), tags, byName }, time, points);
  }

  #head(name: string, tags: Tags, where: Dbrp) {
    const { groupBy = '*', byName = false } = this.#options;
    const { database = this.#options.database ?? '' } = where;
    const { retentionPolicy = this.#options.retentionPolicy ?? '' } = where;
    const dimensions = groupBy === '*' ? Object.keys(tags).sort() : groupBy;
    const group = groupId({ name, tags, dimensions, byName });
    return { name, database, retentionPolicy, group, dimensions, tags, byName };
  }
}
