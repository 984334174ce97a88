import type { Connection, Reader, Writer } from '@platformatic/kafka';
import { messageOf, UdfError } from '../../model/errors.js';
import { BrokerError } from './broker-error.js';
import type { Cluster } from './cluster.js';
import type { KafkaLibrary } from './library.js';
import { type AbortedTransaction, type BatchCodec, type Compression, compressions } from './record-batch.js';

/** One partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A `TopicPartition` as the key of a map. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** Partitions by their topics, as requests list them. */
export function groupByTopic<Part extends TopicPartition>(
  partitions: readonly Part[],
): ReadonlyMap<string, readonly Part[]> {
  const groups = new Map<string, Part[]>();
  for (const partition of partitions) {
    const group = groups.get(partition.topic);
    if (group) group.push(partition);
    else groups.set(partition.topic, [partition]);
  }
  return groups;
}

const fetchKey = 1;
const fetchVersion = 12;
const produceKey = 0;
const produceVersion = 9;
const readCommitted = 1;

export interface FetchTarget extends TopicPartition {
  readonly offset: number;
}

export interface FetchedPartition extends TopicPartition {
  /** The failure of this partition, if any. */
  readonly error: BrokerError | undefined;
  /** Record batches, the last one perhaps cut. */
  readonly batches: Buffer;
  readonly aborted: readonly AbortedTransaction[];
  /** The offset behind the newest record that any consumer sees. */
  readonly highWatermark: number;
}

export interface FetchLimits {
  /** Max time to wait for a first record. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
}

/**
 * Fetches committed records of partitions that one broker leads. The library's own decoder is not used: it makes an object
 * of each record, and does not tell where a transaction was aborted. Rejects with a `BrokerError`.
 */
export async function fetchRecords(
  cluster: Cluster,
  node: number,
  targets: readonly FetchTarget[],
  { maxWaitMs, maxBytes, maxPartitionBytes }: FetchLimits,
  purpose: 'fetch' | 'main' = 'fetch',
): Promise<readonly FetchedPartition[]> {
  const { fetchV12 } = cluster.library;
  const topics = groupByTopic(targets);
  const request = (): Writer =>
    fetchV12.createRequest(
      maxWaitMs,
      1,
      maxBytes,
      readCommitted,
      0,
      -1,
      Array.from(topics, ([topic, partitions]) => ({
        topicId: topic, // this version has the name in its place
        partitions: partitions.map(({ partition, offset }) => ({
          partition,
          currentLeaderEpoch: -1,
          fetchOffset: BigInt(offset),
          lastFetchedEpoch: -1,
          partitionMaxBytes: maxPartitionBytes,
        })),
      })),
      [],
      '',
    );
  return cluster.send(node, 'fetch', purpose, (connection) =>
    exchange(connection, fetchKey, fetchVersion, request, (_id, _key, _version, reader) =>
      readFetchResponse(cluster.library, reader),
    ),
  );
}

function readFetchResponse(library: KafkaLibrary, reader: Reader): readonly FetchedPartition[] {
  reader.readInt32(); // throttling
  const problem = errorOf(library, reader.readInt16(), 'fetch');
  if (problem) throw problem;
  reader.readInt32(); // session
  return reader
    .readArray((topicReader) => {
      const topic = topicReader.readString();
      return topicReader.readArray((part): FetchedPartition => {
        const partition = part.readInt32();
        const error = errorOf(library, part.readInt16(), `fetch of ${topic}, partition ${partition}`);
        const highWatermark = Number(part.readInt64());
        part.readInt64(); // last stable offset
        part.readInt64(); // log start offset
        const aborted =
          part.readNullableArray((entry) => ({
            producerId: entry.readInt64(),
            firstOffset: entry.readInt64(),
          })) ?? [];
        part.readInt32(); // preferred replica
        const batches = part.readNullableBytes() ?? Buffer.alloc(0);
        return { topic, partition, error, batches, aborted, highWatermark };
      });
    })
    .flat();
}

/** Sends one batch of a transaction. Resolves with its first record's offset; rejects with a `BrokerError`. */
export async function produceBatch(
  cluster: Cluster,
  node: number,
  { topic, partition }: TopicPartition,
  transactionalId: string,
  batch: Buffer,
  timeoutMs: number,
): Promise<number> {
  const { Writer: RequestWriter, produceV9, ProduceAcks: acks } = cluster.library;
  const request = (): Writer =>
    RequestWriter.create()
      .appendString(transactionalId)
      .appendInt16(acks.ALL)
      .appendInt32(timeoutMs)
      .appendArray([topic], (topicWriter, name) => {
        topicWriter.appendString(name).appendArray([partition], (part, index) => {
          part
            .appendInt32(index)
            .appendUnsignedVarInt(batch.length + 1)
            .append(batch);
        });
      })
      .appendTaggedFields();
  const what = `produce to ${topic}, partition ${partition}`;
  const { responses } = await cluster.send(node, what, 'main', (connection) =>
    exchange(connection, produceKey, produceVersion, request, (id, key, version, reader) =>
      produceV9.parseResponse(id, key, version, reader),
    ),
  );
  return Number(responses[0]?.partitionResponses[0]?.baseOffset ?? -1);
}

function exchange<Response>(
  connection: Connection,
  key: number,
  version: number,
  request: () => Writer,
  parse: (id: number, key: number, version: number, reader: Reader) => Response,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    connection.send<Response>(key, version, request, parse, true, true, (error, response) => {
      if (error) reject(error);
      else resolve(response!); // there is one if there is no error
    });
  });
}

function errorOf(library: KafkaLibrary, code: number, what: string): BrokerError | undefined {
  if (code === 0) return undefined;
  const name = library.protocolErrorsCodesById[code] ?? `error ${code}`;
  return new BrokerError(name, `${what}: ${name}`);
}

/** Throws `usage` for a compression that this version of Node.js lacks. */
export function checkCompression(library: KafkaLibrary, compression: Compression): void {
  if (compression === 'none' || library.compressionsAlgorithms[compression].available) return;
  throw new UdfError('usage', `--compression ${compression}: ${tooOld(compression)}`);
}

function tooOld(compression: string): string {
  return `${compression} needs Node.js 22.15 or newer; this is ${process.version}`;
}

/** Checksums and compression of record batches by the client library. Its `decompress` throws `malformed`. */
export function batchCodec(library: KafkaLibrary): BatchCodec {
  const { crc32c, compressionsAlgorithms: algorithms } = library;
  const names = Object.fromEntries(Object.entries(compressions).map(([name, number]) => [number, name]));
  const algorithm = (number: number) => {
    const name = names[number];
    if (name === undefined)
      throw new UdfError('malformed', `records have an unknown compression (${number})`);
    const found = algorithms[name as keyof typeof algorithms];
    if (!found.available) throw new UdfError('malformed', `records are compressed: ${tooOld(name)}`);
    return found;
  };
  return {
    crc32c: (data) => crc32c(data),
    compress: (number, data) => algorithm(number).compressSync(data),
    decompress: (number, data) => {
      const { decompressSync } = algorithm(number);
      try {
        return decompressSync(data);
      } catch (cause) {
        throw new UdfError('malformed', `records cannot be decompressed: ${messageOf(cause)}`, { cause });
      }
    },
  };
}
