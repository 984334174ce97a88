import { setEntry, type Tags } from '../model/values.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';

/** What a group's ID is computed from. */
export interface Grouping {
  readonly name: string;
  readonly tags: Tags;
  /** The tags that are grouped by, in order. */
  readonly dimensions: readonly string[];
  readonly byName: boolean;
}

/** A group's ID as Kapacitor computes it: `host=router1`, `cpu\nhost=a,dc=b`, empty without grouping. */
export function groupId({ name, tags, dimensions, byName }: Grouping): string {
  if (dimensions.length === 0) return byName ? name : '';
  const values = dimensions.map((tag) => `${tag}=${Object.hasOwn(tags, tag) ? tags[tag]! : ''}`).join(',');
  return byName ? `${name}\n${values}` : values;
}

/** A batch's group ID: Kapacitor groups by all of its tags, sorted by the bytes of their names. */
export function batchGroupId(name: string, tags: Tags, byName: boolean): string {
  return groupId({ name, tags, dimensions: Object.keys(tags).sort(compareBytes), byName });
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Makes one batch per group, in the order of their first points, as a query with GROUP BY does. */
export function batchesOf(points: readonly LazyPoint[]): LazyBatch[] {
  const groups = new Map<string, LazyPoint[]>();
  for (const point of points) {
    const key = `${point.name}\n${point.group}`;
    const members = groups.get(key);
    if (members) members.push(point);
    else groups.set(key, [point]);
  }
  return [...groups.values()].map((members) => {
    const { name, byName, dimensions, tags: all } = members[0]!;
    const tags: Record<string, string> = {};
    for (const tag of dimensions) setEntry(tags, tag, Object.hasOwn(all, tag) ? all[tag]! : '');
    const group = batchGroupId(name, tags, byName);
    const sources = members.map((point) => ({ time: point.time, tags: point.tags, fields: point.fields }));
    return LazyBatch.create({ name, group, tags, byName }, members.at(-1)!.time, sources);
  });
}
