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

/** A head as texts, which take less memory than an object or a point. */
export interface EncodedHead {
  /** What a group has in common with others: all but the values of its tags. The groups share this string. */
  stream: string;
  tagValues: string;
}

type Stream = Omit<Head, 'tags'>;

/**
 * Streams by their text: so groups share the string, which is parsed once. Nearly every process has a few; at `maxStreams`
 * the cache is cleared.
 */
const streams = new Map<string, { readonly text: string; readonly stream: Stream }>();
const maxStreams = 1000;

export function encodeHead({ name, database, retentionPolicy, byName, dimensions, tags }: Head): EncodedHead {
  const { text } = streamOf(JSON.stringify([name, database, retentionPolicy, byName, dimensions]));
  const values = dimensions.map((dimension) => tags[dimension] ?? null);
  return { stream: text, tagValues: JSON.stringify(values) };
}

/** Decodes what `encodeHead` has returned. */
export function decodeHead(encoded: Readonly<EncodedHead>): Head {
  const { stream } = streamOf(encoded.stream);
  const values = JSON.parse(encoded.tagValues) as (string | null)[]; // by encodeHead
  const tags: Record<string, string> = {};
  for (const [index, dimension] of stream.dimensions.entries()) {
    const value = values[index] ?? null;
    if (value !== null) tags[dimension] = value;
  }
  return { ...stream, tags };
}

/** Whether these are texts that `encodeHead` can have returned. */
export function isEncodedHead({ stream, tagValues }: Readonly<EncodedHead>): boolean {
  try {
    return (streams.has(stream) || isStream(JSON.parse(stream))) && areTagValues(JSON.parse(tagValues));
  } catch {
    return false;
  }
}

/** The stream of a text by `encodeHead`. */
function streamOf(text: string): { readonly text: string; readonly stream: Stream } {
  const known = streams.get(text);
  if (known !== undefined) return known;
  const [name, database, retentionPolicy, byName, dimensions] = JSON.parse(text) as StreamParts; // by encodeHead
  if (streams.size === maxStreams) streams.clear();
  const entry = { text, stream: { name, database, retentionPolicy, byName, dimensions } };
  streams.set(text, entry);
  return entry;
}

type StreamParts = [string, string, string, boolean, string[]];

function isStream(parts: unknown): boolean {
  if (!Array.isArray(parts) || parts.length !== 5) return false;
  const [name, database, retentionPolicy, byName, dimensions] = parts as readonly unknown[];
  return (
    [name, database, retentionPolicy].every((part) => typeof part === 'string') &&
    name !== '' &&
    typeof byName === 'boolean' &&
    Array.isArray(dimensions) &&
    dimensions.every((dimension) => typeof dimension === 'string' && dimension !== '')
  );
}

function areTagValues(values: unknown): boolean {
  return Array.isArray(values) && values.every((value) => typeof value === 'string' || value === null);
}
