import { groupByTopic, partitionKey, type TopicPartition } from './requests.js';

// The messages in which members of a consumer group tell what they own, and get what they are assigned: see
// ConsumerProtocolSubscription.json and ConsumerProtocolAssignment.json of Kafka.

const subscriptionVersion = 2;
const assignmentVersion = 0;

/** What a member tells when it joins. */
export interface Subscription {
  readonly topics: readonly string[];
  /** What it owned until now, and the generation in which it was assigned that; -1 if it owns nothing. */
  readonly owned: readonly TopicPartition[];
  readonly generation: number;
}

export function encodeSubscription({ topics, owned, generation }: Subscription): Buffer {
  return Buffer.concat([
    int16(subscriptionVersion),
    int32(topics.length),
    ...topics.map(text),
    int32(-1), // no data of the user
    partitions(owned),
    int32(generation),
  ]);
}

/** Decodes a subscription of any version. Throws `RangeError` if it is cut. */
export function decodeSubscription(bytes: Buffer): Subscription {
  const reader = new MessageReader(bytes);
  const version = reader.int16();
  const topics = reader.array(() => reader.text());
  reader.skip(Math.max(reader.int32(), 0));
  const owned = version >= 1 ? reader.partitions() : [];
  const generation = version >= 2 ? reader.int32() : -1;
  return { topics, owned, generation };
}

export function encodeAssignment(assigned: readonly TopicPartition[]): Buffer {
  return Buffer.concat([int16(assignmentVersion), partitions(assigned), int32(-1)]);
}

/** Decodes an assignment; an empty message assigns nothing. Throws `RangeError` if it is cut. */
export function decodeAssignment(bytes: Buffer): readonly TopicPartition[] {
  if (bytes.length === 0) return [];
  const reader = new MessageReader(bytes);
  reader.int16(); // version
  return reader.partitions();
}

class MessageReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  text(): string {
    const length = this.int16();
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError('the message is cut');
    return this.#bytes.toString('utf8', this.#at - length, this.#at);
  }

  array<Item>(read: () => Item): Item[] {
    return Array.from({ length: Math.min(Math.max(this.int32(), 0), this.#bytes.length) }, read);
  }

  partitions(): TopicPartition[] {
    return this.array(() => {
      const topic = this.text();
      return this.array(() => ({ topic, partition: this.int32() }));
    }).flat();
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}

function partitions(list: readonly TopicPartition[]): Buffer {
  const entries = Array.from(groupByTopic(list), ([topic, parts]) =>
    Buffer.concat([text(topic), int32(parts.length), ...parts.map(({ partition }) => int32(partition))]),
  );
  return Buffer.concat([int32(entries.length), ...entries]);
}

/**
 * Assigns the partitions of topics to the members of a group: evenly, and each to the member that owns it where that is
 * even. A partition that is to move is assigned to nobody until its owner has given it up and the group is assigned anew.
 */
export function assignPartitions(
  topics: ReadonlyMap<string, number>,
  members: ReadonlyMap<string, Subscription>,
): ReadonlyMap<string, readonly TopicPartition[]> {
  const assigned = new Map(Array.from(members.keys(), (id) => [id, [] as TopicPartition[]]));
  const owners = ownersOf(members);
  for (const [topic, count] of topics) {
    const ids = [...members].flatMap(([id, member]) => (member.topics.includes(topic) ? [id] : [])).sort();
    if (ids.length > 0) assignTopic({ topic, count, ids, owners, assigned });
  }
  return assigned;
}

interface TopicAssignment {
  readonly topic: string;
  readonly count: number;
  readonly ids: readonly string[];
  readonly owners: ReadonlyMap<string, string>;
  readonly assigned: ReadonlyMap<string, TopicPartition[]>;
}

function assignTopic({ topic, count, ids, owners, assigned }: TopicAssignment): void {
  const all = Array.from({ length: count }, (_none, partition) => ({ topic, partition }));
  const ownerOf = (partition: TopicPartition): string | undefined => owners.get(partitionKey(partition));
  const ownedBy = new Map(ids.map((id) => [id, all.filter((partition) => ownerOf(partition) === id)]));
  const total = (id: string): number => assigned.get(id)!.length; // of every member
  const minimum = Math.floor(count / ids.length);
  // Who may have one more than the others: those who own more, then those who have less of other topics.
  const byClaim = [...ids].sort(
    (one, other) => ownedBy.get(other)!.length - ownedBy.get(one)!.length || total(one) - total(other),
  );
  const quota = new Map(byClaim.map((id, rank) => [id, minimum + (rank < count % ids.length ? 1 : 0)]));
  const kept = new Map(ids.map((id) => [id, ownedBy.get(id)!.slice(0, quota.get(id))]));
  const isKept = new Set([...kept.values()].flat().map(partitionKey));
  const free = all.filter((partition) => !isKept.has(partitionKey(partition)));
  for (const id of ids) {
    const given = free.splice(0, quota.get(id)! - kept.get(id)!.length);
    // What another member still owns has to be given up first.
    assigned
      .get(id)!
      .push(...kept.get(id)!, ...given.filter((partition) => !owners.has(partitionKey(partition))));
  }
}

/** Who owns which partition; of several that claim one, the member of the newest generation. */
function ownersOf(members: ReadonlyMap<string, Subscription>): ReadonlyMap<string, string> {
  const owners = new Map<string, { readonly id: string; readonly generation: number }>();
  for (const [id, { owned, generation }] of members) {
    for (const partition of owned) {
      const key = partitionKey(partition);
      if ((owners.get(key)?.generation ?? -Infinity) < generation) owners.set(key, { id, generation });
    }
  }
  return new Map(Array.from(owners, ([key, { id }]) => [key, id]));
}
