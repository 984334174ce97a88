import fc from 'fast-check';
import { crc32c, compressionsAlgorithms, readRecordsBatches, Reader } from '@platformatic/kafka';
import { describe, expect, test } from 'vitest';
import {
  BatchBuilder,
  type BatchCodec,
  compressions,
  endOfBatches,
  type RecordHeader,
  RecordReader,
} from '../../../src/kafka/client/record-batch.js';

const names = Object.keys(compressions) as (keyof typeof compressions)[];
const codec: BatchCodec = {
  crc32c: (data) => crc32c(data),
  compress: (number, data) => compressionsAlgorithms[names[number]!].compressSync(data),
  decompress: (number, data) => compressionsAlgorithms[names[number]!].decompressSync(data),
};
const producer = { producerId: 7n, producerEpoch: 1, sequence: 3 };

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const record = fc.record({
  key: fc.option(bytes, { nil: undefined }),
  value: fc.option(bytes, { nil: undefined }),
  headers: fc.array(fc.tuple(fc.string(), bytes), { maxLength: 3 }),
});
interface TestRecord {
  readonly key?: Buffer | undefined;
  readonly value?: Buffer | undefined;
  readonly headers: RecordHeader[];
}

function batchOf(records: readonly TestRecord[], compression: keyof typeof compressions = 'none'): Buffer {
  const builder = new BatchBuilder(64);
  for (const { key, value, headers } of records) builder.add(key, value, 0, value?.length ?? 0, headers);
  return builder.build(codec, compression, producer);
}

/** As a broker stores a batch. */
function at(offset: number, batch: Buffer, { producerId = 7n, control = false } = {}): Buffer {
  const stored = Buffer.from(batch);
  stored.writeBigInt64BE(BigInt(offset), 0);
  stored.writeBigInt64BE(producerId, 43);
  if (control) stored.writeInt16BE(stored.readInt16BE(21) | 32, 21);
  return stored;
}

function valuesIn(reader: RecordReader): string[] {
  const values: string[] = [];
  while (reader.next())
    values.push(`${reader.offset}:${reader.buf.toString('utf8', reader.valueStart, reader.valueEnd)}`);
  return values;
}

const text = (...values: readonly string[]): Buffer =>
  batchOf(values.map((value) => ({ value: Buffer.from(value), headers: [] })));

describe('a batch', () => {
  test('is read by another implementation as it was built', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.constantFrom('none', 'gzip', 'snappy', 'lz4'),
        (records, compression) => {
          const [batch] = readRecordsBatches(Reader.from(batchOf(records, compression)));
          expect(batch).toMatchObject({ producerId: 7n, producerEpoch: 1, firstSequence: 3 });
          expect(batch!.records.map(({ key, value, headers }) => ({ key: key ?? undefined, value: value ?? undefined, headers: headers.map(([name, data]) => [String(name), data]) }))).toEqual(records); // prettier-ignore
        },
      ),
    );
  });

  test('has the checksum that brokers verify', () => {
    const batch = text('a');
    expect(batch.readUInt32BE(17)).toBe(crc32c(batch.subarray(21)));
  });

  test('is read as it was built, from any offset in it, compressed or not', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1 }),
        fc.constantFrom('none', 'gzip', 'lz4'),
        fc.nat(),
        (records, compression, from) => {
          const first = 2 ** 40;
          const skipped = from % records.length;
          const reader = new RecordReader(codec, at(first, batchOf(records, compression)), first + skipped);
          for (const [index, { key, value }] of records.entries()) {
            if (index < skipped) continue;
            expect(reader.next()).toBe(true);
            expect(reader.offset).toBe(first + index);
            expect(
              reader.valueStart < 0 ? undefined : reader.buf.subarray(reader.valueStart, reader.valueEnd),
            ).toEqual(value);
            expect(
              reader.keyStart < 0 ? undefined : reader.buf.subarray(reader.keyStart, reader.keyEnd),
            ).toEqual(key);
          }
          expect(reader.next()).toBe(false);
          expect(reader.position).toBe(first + records.length);
        },
      ),
    );
  });
});

describe('the reader of a response', () => {
  test('ignores a batch that is cut', () => {
    const batches = Buffer.concat([at(5, text('a', 'b')), at(7, text('c')).subarray(0, -1)]);
    const reader = new RecordReader(codec, batches, 5);
    expect(valuesIn(reader)).toEqual(['5:a', '6:b']);
    expect(reader.position).toBe(7);
    expect(endOfBatches(batches)).toBe(7);
  });

  test('leaves aborted transactions out, each of several of one producer', () => {
    const batches = Buffer.concat([
      at(0, text('aborted 1')),
      at(1, text('abort'), { control: true }),
      at(2, text('good')),
      at(3, text('commit'), { control: true }),
      at(4, text('aborted 2')),
      at(5, text('other'), { producerId: 8n }),
      at(6, text('abort'), { control: true }),
      at(7, text('open')),
    ]);
    const aborted = [
      { producerId: 7n, firstOffset: 4n },
      { producerId: 7n, firstOffset: 0n },
    ];
    const reader = new RecordReader(codec, batches, 0, aborted);
    expect(valuesIn(reader)).toEqual(['2:good', '5:other', '7:open']);
    expect(reader.position).toBe(8);
  });

  test('refuses damaged batches', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 255 }), (where, byte) => {
        const batch = at(0, text('some', 'values', 'here'));
        batch[61 + (where % (batch.length - 61))] = byte;
        const reader = new RecordReader(codec, batch, 0);
        try {
          let count = 0;
          while (reader.next()) expect(count++).toBeLessThan(10);
        } catch (reason) {
          expect(reason).toMatchObject({ code: 'malformed' });
        }
      }),
    );
  });
});
