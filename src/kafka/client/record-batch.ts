import { UdfError } from '../../model/errors.js';

/** What record batches need of the client library. */
export interface BatchCodec {
  crc32c(data: Uint8Array): number;
  /** By the number in a batch's attributes. */
  compress(algorithm: number, data: Buffer): Buffer;
  decompress(algorithm: number, data: Buffer): Buffer;
}

/** The numbers of the compression algorithms in a batch's attributes. */
export const compressions = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
export type Compression = keyof typeof compressions;

// The layout of a batch, version 2; see Kafka's documentation, "Record Batch".
const lengthAt = 8;
const magicAt = 16;
const crcAt = 17;
const attributesAt = 21;
const lastOffsetDeltaAt = 23;
const firstTimestampAt = 27;
const maxTimestampAt = 35;
const producerIdAt = 43;
const producerEpochAt = 51;
const sequenceAt = 53;
const countAt = 57;
const headerBytes = 61;
/** Bytes that the length does not count. */
const prefixBytes = 12;

const compressionMask = 7;
const transactionalBit = 16;
const controlBit = 32;

/** A batch is sent once it has this size, uncompressed: brokers accept up to a megabyte by default. */
export const sendBatchBytes = 512 * 1024;

/** Max bytes of a record besides its key, value and headers: varints and flags. */
const maxRecordOverhead = 40;

/** A header's name and value. */
export type RecordHeader = readonly [name: string, value: Buffer];

export interface BatchProducer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** The number of the batch's first record among the producer's in the partition. */
  readonly sequence: number;
}

/** Builds a batch of records of a transaction. */
export class BatchBuilder {
  count = 0;
  #buf: Buffer;
  #at = headerBytes;

  constructor(bytes = 16 * 1024) {
    this.#buf = Buffer.allocUnsafeSlow(bytes);
  }

  /** The bytes of the batch so far, uncompressed. */
  get bytes(): number {
    return this.#at;
  }

  /** Adds a record with the value `buf[start..end)`; a tombstone if `buf` is not given. */
  add(
    key: Buffer | undefined,
    buf: Buffer | undefined,
    start = 0,
    end = buf?.length ?? 0,
    headers: readonly RecordHeader[] = [],
  ): void {
    const keyBytes = key?.length ?? 0;
    const encoded = headers.map(([name, value]) => [Buffer.from(name), value] as const);
    let bytes = keyBytes + (end - start) + varintBytes(this.count) + 2 + varintBytes(headers.length);
    bytes += key ? varintBytes(keyBytes) : 1;
    bytes += buf ? varintBytes(end - start) : 1;
    for (const [name, value] of encoded) {
      bytes += varintBytes(name.length) + name.length + varintBytes(value.length) + value.length;
    }
    this.#reserve(bytes + maxRecordOverhead);
    this.#varint(bytes);
    this.#buf[this.#at++] = 0; // attributes
    this.#buf[this.#at++] = 0; // the time since the batch's
    this.#varint(this.count++);
    this.#bytes(key, 0, keyBytes);
    this.#bytes(buf, start, end);
    this.#varint(headers.length);
    for (const [name, value] of encoded) {
      this.#bytes(name, 0, name.length);
      this.#bytes(value, 0, value.length);
    }
  }

  /** The whole batch. The builder must not be used any more. */
  build(codec: BatchCodec, compression: Compression, producer: BatchProducer): Buffer {
    let buf = this.#buf.subarray(0, this.#at);
    const algorithm = compressions[compression];
    if (algorithm !== compressions.none) {
      const records = codec.compress(algorithm, buf.subarray(headerBytes));
      buf = Buffer.concat([buf.subarray(0, headerBytes), records]);
    }
    const now = BigInt(Date.now());
    buf.writeBigInt64BE(0n, 0);
    buf.writeInt32BE(buf.length - prefixBytes, lengthAt);
    buf.writeInt32BE(-1, lengthAt + 4); // the leader's epoch, which the broker sets
    buf[magicAt] = 2;
    buf.writeInt16BE(algorithm | transactionalBit, attributesAt);
    buf.writeInt32BE(this.count - 1, lastOffsetDeltaAt);
    buf.writeBigInt64BE(now, firstTimestampAt);
    buf.writeBigInt64BE(now, maxTimestampAt);
    buf.writeBigInt64BE(producer.producerId, producerIdAt);
    buf.writeInt16BE(producer.producerEpoch, producerEpochAt);
    buf.writeInt32BE(producer.sequence, sequenceAt);
    buf.writeInt32BE(this.count, countAt);
    buf.writeUInt32BE(codec.crc32c(buf.subarray(attributesAt)), crcAt);
    return buf;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buf.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buf.length, this.#at + bytes));
    this.#buf.copy(larger, 0, 0, this.#at);
    this.#buf = larger;
  }

  /** A signed varint in zigzag form, of a number from 0 to 2^30. */
  #varint(value: number): void {
    let rest = value << 1;
    while (rest > 127) {
      this.#buf[this.#at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#buf[this.#at++] = rest;
  }

  #bytes(from: Buffer | undefined, start: number, end: number): void {
    if (!from) {
      this.#buf[this.#at++] = 1; // -1 in zigzag form: null
      return;
    }
    this.#varint(end - start);
    this.#at += from.copy(this.#buf, this.#at, start, end);
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value << 1; rest > 127; rest >>>= 7) bytes++;
  return bytes;
}

/** The offset behind the last whole batch; `undefined` if there is none. */
export function endOfBatches(batches: Buffer): number | undefined {
  let end: number | undefined;
  for (let at = 0; at + headerBytes <= batches.length;) {
    const next = at + prefixBytes + batches.readInt32BE(at + lengthAt);
    if (next > batches.length || next < at + headerBytes) break;
    end = Number(batches.readBigInt64BE(at)) + batches.readInt32BE(at + lastOffsetDeltaAt) + 1;
    at = next;
  }
  return end;
}

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/**
 * Reads the records of a fetch response one after the other, without those of aborted transactions and without control
 * records.
 */
export class RecordReader {
  /** The current record: `buf[valueStart..valueEnd)`, and its key likewise; a start of -1 if it is null. */
  buf: Buffer = Buffer.alloc(0);
  keyStart = -1;
  keyEnd = -1;
  valueStart = -1;
  valueEnd = -1;
  offset = 0;
  /** Milliseconds since the epoch. */
  timestamp = 0;

  readonly #codec: BatchCodec;
  readonly #batches: Buffer;
  readonly #aborted: AbortedTransaction[];
  readonly #abortedProducers = new Set<bigint>();
  /** Records before this offset are left out: a batch may begin before the offset that was asked for. */
  #position: number;
  #batchAt = 0;
  /** The end of the current batch's offsets, records that are left out included. */
  #batchEnd = 0;
  #baseOffset = 0;
  #baseTimestamp = 0;
  #rest = 0;
  #at = 0;

  constructor(
    codec: BatchCodec,
    batches: Buffer,
    position: number,
    aborted: readonly AbortedTransaction[] = [],
  ) {
    this.#codec = codec;
    this.#batches = batches;
    this.#position = position;
    this.#aborted = [...aborted].sort((one, other) => Number(one.firstOffset - other.firstOffset));
  }

  /** The offset to continue at once `next` has returned false. */
  get position(): number {
    return this.#position;
  }

  /** Moves to the next record; false if there is none. Throws `malformed` for damaged batches. */
  next(): boolean {
    for (;;) {
      while (this.#rest > 0) {
        this.#rest--;
        this.#readRecord();
        if (this.offset < this.#position) continue;
        this.#position = this.offset + 1;
        return true;
      }
      this.#position = Math.max(this.#position, this.#batchEnd);
      if (!this.#nextBatch()) return false;
    }
  }

  #nextBatch(): boolean {
    const batches = this.#batches;
    const at = this.#batchAt;
    if (at + headerBytes > batches.length) return false;
    const end = at + prefixBytes + batches.readInt32BE(at + lengthAt);
    if (end > batches.length) return false; // the response was cut at its size
    if (batches[at + magicAt] !== 2 || end < at + headerBytes) {
      throw new UdfError('malformed', `a record batch is of version ${batches[at + magicAt]}, not 2`);
    }
    this.#batchAt = end;
    const attributes = batches.readInt16BE(at + attributesAt);
    this.#baseOffset = Number(batches.readBigInt64BE(at));
    this.#batchEnd = this.#baseOffset + batches.readInt32BE(at + lastOffsetDeltaAt) + 1;
    const producerId = batches.readBigInt64BE(at + producerIdAt);
    while (this.#aborted[0] && this.#aborted[0].firstOffset < this.#batchEnd) {
      this.#abortedProducers.add(this.#aborted.shift()!.producerId); // as seen above
    }
    if (attributes & controlBit) {
      // One record with a key of two numbers: version and type. The end of a transaction ends what was aborted before.
      this.#abortedProducers.delete(producerId);
      return true;
    }
    if (attributes & transactionalBit && this.#abortedProducers.has(producerId)) return true;
    if (this.#batchEnd <= this.#position) return true;
    const count = batches.readInt32BE(at + countAt);
    const algorithm = attributes & compressionMask;
    const records = batches.subarray(at + headerBytes, end);
    this.buf = algorithm === compressions.none ? records : this.#codec.decompress(algorithm, records);
    this.#at = 0;
    this.#rest = count;
    this.#baseTimestamp = Number(batches.readBigInt64BE(at + firstTimestampAt));
    return true;
  }

  #readRecord(): void {
    const length = this.#varint();
    const end = this.#at + length;
    if (length < 0 || end > this.buf.length)
      throw new UdfError('malformed', 'a record ends beyond its batch');
    this.#at++; // attributes
    this.timestamp = this.#baseTimestamp + this.#varint();
    this.offset = this.#baseOffset + this.#varint();
    const keyBytes = this.#varint();
    this.keyStart = keyBytes < 0 ? -1 : this.#at;
    this.keyEnd = this.#at += Math.max(keyBytes, 0);
    const valueBytes = this.#varint();
    this.valueStart = valueBytes < 0 ? -1 : this.#at;
    this.valueEnd = this.#at + Math.max(valueBytes, 0);
    if (this.valueEnd > end) throw new UdfError('malformed', 'a value ends beyond its record');
    this.#at = end; // headers are not read
  }

  /** A signed varint of up to 64 bits; exact up to 2^53. */
  #varint(): number {
    const { buf } = this;
    let byte = buf[this.#at++] ?? 0;
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 127;
    for (let factor = 128; byte >= 128; factor *= 128) {
      byte = buf[this.#at++] ?? 0;
      value += (byte & 127) * factor;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
