import type { Point } from '../model/point.js';
import type { FieldValue } from '../model/values.js';

/** Points of a group that are remembered. */
const maxPointsPerGroup = 64;

/** Groups that are remembered; beyond it, the one used longest ago is forgotten. */
const maxGroups = 10_000;

/**
 * Tells points that repeat one of the last of their group: the same time and fields. Kapacitor's subscriptions deliver a
 * point twice at times. What is remembered is bounded, and not part of a snapshot.
 */
export class RepeatFilter {
  /** By group, the keys of its last points; the groups in the order of their last use. */
  readonly #groups = new Map<string, Set<string>>();

  /** Whether the point repeats one; if not, it is remembered. */
  isRepeat(point: Point): boolean {
    const { name, group } = point;
    const id = `${name}\n${group}`;
    const keys = this.#groups.get(id) ?? new Set();
    this.#groups.delete(id);
    this.#groups.set(id, keys);
    if (this.#groups.size > maxGroups) deleteFirst(this.#groups);
    const key = keyOf(point);
    if (keys.has(key)) return true;
    keys.add(key);
    if (keys.size > maxPointsPerGroup) deleteFirst(keys);
    return false;
  }
}

/** Maps and sets keep the order of insertion. */
function deleteFirst(entries: Map<string, unknown> | Set<string>): void {
  for (const first of entries.keys()) {
    entries.delete(first);
    return;
  }
}

/** A text that two points share only if their time and fields are the same, in whatever order the fields came. */
function keyOf({ time, fields }: Point): string {
  const entries = Object.entries(fields).map(([name, value]) => [name, typeof value, textOf(value)]);
  return `${time} ${JSON.stringify(entries.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)))}`;
}

function textOf(value: FieldValue): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
