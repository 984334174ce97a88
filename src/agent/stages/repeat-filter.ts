import { createHash } from 'node:crypto';
import type { Point } from '../../model/point.js';
import type { FieldValue } from '../../model/values.js';

/** Points of a group that are remembered if neither a number nor a time is given. */
const defaultRepeatPoints = 64;

/** Groups that are remembered; beyond it, the one used longest ago is forgotten. */
const maxGroups = 10_000;

/** Points that are remembered in all; beyond it, the group used longest ago is forgotten. */
const maxPoints = 1_000_000;

/** Keys that are longer are replaced by a hash. */
const maxKeyLength = 40;

export interface RepeatBounds {
  /** The last points of a group that are remembered. */
  readonly points: number | undefined;
  /** How long points are remembered, by the times of their group. */
  readonly time: bigint | undefined;
}

/** The keys of a group's last points, in the order in which they came, with the points' times. */
export type RememberedPoints = Map<string, bigint>;

/**
 * Tells points that repeat one of the last of their group: the same time and fields. Kapacitor's subscriptions deliver a
 * point twice at times. What is remembered is bounded.
 */
export class RepeatFilter {
  readonly #maxPerGroup: number;
  readonly #time: bigint | undefined;
  /** The groups in the order of their last use. */
  readonly #groups = new Map<string, RememberedPoints>();
  #count = 0;

  constructor({ points, time }: RepeatBounds) {
    this.#maxPerGroup = points ?? (time === undefined ? defaultRepeatPoints : Infinity);
    this.#time = time;
  }

  /** Whether the point repeats one; if not, it is remembered. */
  isRepeat(point: Point): boolean {
    const { name, group, time } = point;
    const id = `${name}\n${group}`;
    const remembered = this.#groups.get(id) ?? new Map<string, bigint>();
    this.#groups.delete(id);
    this.#groups.set(id, remembered);
    const key = keyOf(point);
    if (remembered.has(key)) return true;
    remembered.set(key, time);
    this.#count++;
    if (remembered.size > this.#maxPerGroup) this.#forgetFirst(remembered);
    if (this.#time !== undefined) {
      // Nearly in order of time: what is behind an older one is forgotten with it.
      const oldest = time - this.#time;
      for (const since of remembered.values()) {
        if (since >= oldest) break;
        this.#forgetFirst(remembered);
      }
    }
    while (this.#groups.size > maxGroups || (this.#count > maxPoints && this.#groups.size > 1)) {
      for (const [first, points] of this.#groups) {
        this.#count -= points.size;
        this.#groups.delete(first);
        break;
      }
    }
    if (this.#count > maxPoints) this.#forgetFirst(remembered);
    return false;
  }

  #forgetFirst(remembered: RememberedPoints): void {
    for (const first of remembered.keys()) {
      remembered.delete(first);
      this.#count--;
      return;
    }
  }

  // ---- snapshots ----

  /** What is remembered of each group, by the group's name and measurement; those used longest ago first. */
  entries(): Iterable<readonly [id: string, points: RememberedPoints]> {
    return this.#groups;
  }

  restore(id: string, points: RememberedPoints): void {
    this.#groups.set(id, points);
    this.#count += points.size;
  }

  clear(): void {
    this.#groups.clear();
    this.#count = 0;
  }
}

/** A text that two points share only if their time and fields are the same, in whatever order the fields came. */
function keyOf({ time, fields }: Point): string {
  const entries = Object.entries(fields).map(([name, value]) => [name, typeof value, textOf(value)]);
  const key = `${time} ${JSON.stringify(entries.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)))}`;
  return key.length <= maxKeyLength ? key : createHash('sha1').update(key).digest('base64');
}

function textOf(value: FieldValue): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
