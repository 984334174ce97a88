/** What new points of a group need. */
export interface Head {
  readonly name: string;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly byName: boolean;
  readonly dimensions: readonly string[];
  /** The tags that the stream is grouped by. */
  readonly tags: Readonly<Record<string, string>>;
}

/** As a text, which takes less memory than an object or a point. */
export function encodeHead({ name, database, retentionPolicy, byName, dimensions, tags }: Head): string {
  const values = dimensions.map((dimension) => tags[dimension] ?? null);
  return JSON.stringify([name, database, retentionPolicy, byName, dimensions, values]);
}

export function decodeHead(head: string): Head {
  const [name, database, retentionPolicy, byName, dimensions, values] = JSON.parse(head) as HeadParts; // by encodeHead
  const tags: Record<string, string> = {};
  for (const [index, dimension] of dimensions.entries()) {
    const value = values[index] ?? null;
    if (value !== null) tags[dimension] = value;
  }
  return { name, database, retentionPolicy, byName, dimensions, tags };
}

type HeadParts = [string, string, string, boolean, string[], (string | null)[]];

/** Whether a text is one that `encodeHead` makes. */
export function isHead(text: string): boolean {
  try {
    const parts: unknown = JSON.parse(text);
    if (!Array.isArray(parts) || parts.length !== 6) return false;
    const [name, database, retentionPolicy, byName, dimensions, values] = parts as readonly unknown[];
    return (
      [name, database, retentionPolicy].every((part) => typeof part === 'string') &&
      name !== '' &&
      typeof byName === 'boolean' &&
      isListOf(dimensions, (dimension) => typeof dimension === 'string' && dimension !== '') &&
      isListOf(values, (value) => typeof value === 'string' || value === null)
    );
  } catch {
    return false;
  }
}

/** Whether a value is an array of nothing but such items. */
export function isListOf(list: unknown, isItem: (item: unknown) => boolean): boolean {
  if (!Array.isArray(list)) return false;
  for (const item of list as readonly unknown[]) if (!isItem(item)) return false; // ends at the first hole
  return true;
}
