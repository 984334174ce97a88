import { setEntry } from '../model/values.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { batchGroupId } from './group-id.js';

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
