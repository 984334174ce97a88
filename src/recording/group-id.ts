import type { Tags } from '../model/values.js';

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
