import { readHeader } from '../agent/state/header.js';
import { UdfError } from '../model/errors.js';

// What the changelog topic holds for a partition: the newest snapshot in several records, and behind it one record for each
// transaction since then. The offsets of a consumer group hold where the snapshot begins, as their metadata.

const version = 1;
const kinds = { chunk: 1, step: 2 } as const;

/** Max bytes of a snapshot in one record: brokers take records of up to a megabyte by default. */
export const maxChunkBytes = 512 * 1024;

/** The state of a partition when its input before `offset` was processed. */
export interface PartitionSnapshot {
  /** Differs from that of all earlier snapshots of the partition. */
  readonly id: bigint;
  readonly offset: number;
  /** The clock of the UDF, in nanoseconds since the epoch. */
  readonly time: bigint;
  readonly state: Buffer;
}

/** A transaction: the clock of the UDF was moved to `time`, then the input before `offset` was processed. */
export interface Step {
  readonly offset: number;
  readonly time: bigint;
}

/** A record of the changelog. Without a value it deletes what has the key. */
export interface ChangelogRecord {
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

const headBytes = 2 + 8 + 4 + 8 + 8;

/**
 * A snapshot as records: their keys are those of the previous snapshot, which had `previousChunks`, so that the topic's
 * compaction removes it.
 */
export function snapshotRecords(
  snapshot: PartitionSnapshot,
  previousChunks: number,
): readonly ChangelogRecord[] {
  const { state, id, offset, time } = snapshot;
  const count = Math.max(Math.ceil(state.length / maxChunkBytes), 1);
  const chunks = Array.from({ length: count }, (_none, index): ChangelogRecord => {
    const total = Buffer.alloc(4);
    total.writeUInt32BE(count);
    const head = encodeHead(kinds.chunk, id, index, { offset, time });
    const part = state.subarray(index * maxChunkBytes, (index + 1) * maxChunkBytes);
    return { key: chunkKey(index), value: Buffer.concat([head, total, part]) };
  });
  const surplus = Array.from(
    { length: Math.max(previousChunks - count, 0) },
    (_none, index): ChangelogRecord => ({
      key: chunkKey(count + index),
      value: undefined,
    }),
  );
  return [...chunks, ...surplus];
}

/** The record of the transaction that is number `index`, from 0, since a snapshot. */
export function stepRecord(snapshotId: bigint, index: number, step: Step): ChangelogRecord {
  return { key: Buffer.from(`step/${index}`), value: encodeHead(kinds.step, snapshotId, index, step) };
}

function chunkKey(index: number): Buffer {
  return Buffer.from(`chunk/${index}`);
}

function encodeHead(kind: number, id: bigint, index: number, { offset, time }: Step): Buffer {
  const head = Buffer.alloc(headBytes);
  head[0] = version;
  head[1] = kind;
  head.writeBigInt64BE(id, 2);
  head.writeUInt32BE(index, 10);
  head.writeBigInt64BE(BigInt(offset), 14);
  head.writeBigInt64BE(time, 22);
  return head;
}

/** What a partition continues with. */
export interface RestoredPartition {
  readonly snapshot: PartitionSnapshot;
  readonly chunks: number;
  /** The transactions since then, in order. */
  readonly steps: readonly Step[];
}

/** Collects a partition's state from the records of its changelog, from the newest snapshot's first one on. */
export class ChangelogReader {
  #id: bigint | undefined;
  #start: Step | undefined;
  #expected = 0;
  readonly #chunks: Buffer[] = [];
  readonly #steps: Step[] = [];

  /** Takes a record's value. Throws `snapshot_damaged`, and `snapshot_newer` for a format that is not known. */
  add(value: Buffer): void {
    if (value.length < headBytes) throw damaged('a record is cut');
    if (value[0] !== version) {
      throw new UdfError(
        'snapshot_newer',
        `the changelog is of format ${value[0]}, this version knows ${version}`,
      );
    }
    const id = value.readBigInt64BE(2);
    const index = value.readUInt32BE(10);
    const step = { offset: Number(value.readBigInt64BE(14)), time: value.readBigInt64BE(22) };
    this.#id ??= id;
    if (id !== this.#id) return; // of an older snapshot: the topic was not compacted yet
    if (value[1] === kinds.step) {
      if (index !== this.#steps.length) throw damaged(`transaction ${this.#steps.length} is missing`);
      this.#steps.push(step);
      return;
    }
    if (value.length < headBytes + 4) throw damaged('a record is cut');
    if (index !== this.#chunks.length)
      throw damaged(`part ${this.#chunks.length} of the snapshot is missing`);
    this.#start ??= step;
    this.#expected = value.readUInt32BE(headBytes);
    this.#chunks.push(value.subarray(headBytes + 4));
  }

  /** The partition's state, whose input before `committed` was processed. Throws `snapshot_damaged`. */
  finish(committed: number): RestoredPartition {
    const { offset, time } = this.#start ?? { offset: -1, time: 0n };
    if (this.#id === undefined || offset < 0 || this.#chunks.length !== this.#expected) {
      throw damaged(`it has ${this.#chunks.length} of ${this.#expected} parts of the snapshot`);
    }
    const reached = this.#steps.at(-1)?.offset ?? offset;
    if (reached !== committed) throw damaged(`it ends at offset ${reached}, and ${committed} is committed`);
    const snapshot = { id: this.#id, offset, time, state: Buffer.concat(this.#chunks) };
    return { snapshot, chunks: this.#chunks.length, steps: this.#steps };
  }
}

function damaged(what: string): UdfError {
  return new UdfError('snapshot_damaged', `the changelog is damaged: ${what}`);
}

/** Throws `snapshot_foreign` for the state of another UDF: it would be overwritten. Other problems are left to the UDF. */
export function assertStateOf(udf: string, state: Buffer): void {
  const found = stateOwner(state);
  if (found === undefined || found === udf) return;
  throw new UdfError(
    'snapshot_foreign',
    `the changelog has the state of UDF ${found}: choose another --consumer-group; or, to begin the state afresh, set the ` +
      'offsets of this one (kafka-consumer-groups.sh --reset-offsets)',
  );
}

function stateOwner(state: Buffer): string | undefined {
  try {
    return readHeader(state).header.udf;
  } catch {
    return undefined;
  }
}

/** Where the newest snapshot begins in the changelog, as the metadata of a committed offset. */
export function encodeMetadata(changelogOffset: number): string {
  return `kapacitor-udf/${version} ${changelogOffset}`;
}

/** The offset in the metadata; `undefined` if no worker has committed it: an operator has set it. */
export function decodeMetadata(metadata: string): number | undefined {
  const match = /^kapacitor-udf\/1 (\d+)$/.exec(metadata);
  return match ? Number(match[1]) : undefined;
}
