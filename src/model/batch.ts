import type { Tags, TimeInput } from './values.js';
import type { BatchPoint, BatchPointInit } from './point.js';

/** The properties of a batch that are known when it begins. */
export interface BatchInfo {
  /** The measurement. */
  readonly name: string;
  /** The group's identity as Kapacitor writes it. */
  readonly group: string;
  /** The tags that the group shares. */
  readonly tags: Tags;
  /** Whether the measurement's name is part of the group. */
  readonly byName: boolean;
}

/**
 * A whole batch. Each `with…` and `replace…` method returns a new batch; the original stays as it is. They throw
 * `invalid_argument` for an empty name and for a value that Kapacitor cannot hold.
 */
export interface Batch extends BatchInfo {
  /** The batch's own time (Kapacitor's `tmax`): the end of its window, in nanoseconds. */
  readonly time: bigint;
  readonly points: readonly BatchPoint[];
  /** The same batch with these points; its size is their number. */
  withPoints(points: readonly (BatchPoint | BatchPointInit)[]): Batch;
  /** The same batch under another measurement name. */
  withName(name: string): Batch;
  /** The same batch with one group tag added or replaced. Its points keep their own tags. */
  withTag(name: string, value: string): Batch;
  /** The same batch with these group tags added or replaced. */
  withTags(tags: Tags): Batch;
  /** The same batch with these group tags instead of its own. */
  replaceTags(tags: Tags): Batch;
  /** The same batch at another time, in nanoseconds. */
  withTime(time: TimeInput): Batch;
}

/** The data of a new batch; omitted parts are empty. */
export interface BatchInit {
  readonly name: string;
  readonly time: TimeInput;
  readonly group?: string;
  readonly tags?: Tags;
  readonly byName?: boolean;
  readonly points: readonly (BatchPoint | BatchPointInit)[];
}
