import { setEntry, type Tags } from '../model/values.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';

/** What a point or batch is grouped by. */
export interface Grouping {
  readonly name: string;
  readonly tags: Tags;
  /** The tags that are grouped by, in order. */
  readonly dimensions: readonly string[];
  readonly byName: boolean;
}

/** A group's identity as Kapacitor works it out and writes it: `host=router1`, `cpu\nhost=a,dc=b`, empty for none. */
export function groupId({ name, tags, dimensions, byName }: Grouping): string {
  if (dimensions.length === 0) return byName ? name : '';
  const values = dimensions.map((tag) => `${tag}=${Object.hasOwn(tags, tag) ? tags[tag]! : ''}`).join(',');
  return byName ? `${name}\n${values}` : values;
}

/** The group of a batch: Kapacitor groups it by all of its tags, in order of their names' bytes. */
export function batchGroupId(name: string, tags: Tags, byName: boolean): string {
  return groupId({ name, tags, dimensions: Object.keys(tags).sort(compareBytes), byName });
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** One batch a group, in the order of their first points, as a query with GROUP BY makes them. */
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
