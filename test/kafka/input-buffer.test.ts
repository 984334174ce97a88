import { describe, expect, test } from 'vitest';
import { BatchBuilder, RecordReader } from '../../src/kafka/client/record-batch.js';
import { type FetchedRecords, InputBuffer } from '../../src/kafka/input-buffer.js';

const codec = { crc32c: () => 0, compress: unused, decompress: unused };
function unused(): never {
  throw new Error('not compressed');
}

/** Records from an offset on; `end` may be behind control records. */
function fetched(
  offset: number,
  values: readonly string[],
  end = offset + values.length,
  bytes = 100,
): FetchedRecords {
  const builder = new BatchBuilder();
  for (const value of values) builder.add(undefined, Buffer.from(value));
  const batch = builder.build(codec, 'none', { producerId: 1n, producerEpoch: 0, sequence: 0 });
  batch.writeBigInt64BE(BigInt(offset), 0);
  return { reader: new RecordReader(codec, batch, offset), bytes, end };
}

function readAll(buffer: InputBuffer): number[] {
  const offsets: number[] = [];
  for (let reader = buffer.peek(); reader; reader = buffer.peek()) {
    offsets.push(reader.offset);
    buffer.take();
  }
  return offsets;
}

describe('the input of a partition', () => {
  test('is fetched from where it ended, and read in order', () => {
    const buffer = new InputBuffer(() => undefined);
    expect(buffer.wanted).toBeUndefined();
    buffer.seek(5);
    expect(buffer.wanted).toBe(5);
    const done = buffer.fetching();
    expect(buffer.wanted).toBeUndefined(); // one fetch at a time
    done(fetched(5, ['a', 'b']));
    expect(buffer.wanted).toBe(7);
    buffer.fetching()(fetched(7, ['c'], 9));
    expect(readAll(buffer)).toEqual([5, 6, 7]);
    expect(buffer.position).toBe(9); // control records count as read
  });

  test('is not fetched while much of it waits', () => {
    let rooms = 0;
    const buffer = new InputBuffer(() => rooms++);
    buffer.seek(0);
    buffer.fetching()(fetched(0, ['a'], 1, 2 * 1024 * 1024));
    expect(buffer.wanted).toBeUndefined();
    rooms = 0;
    readAll(buffer);
    expect(buffer.wanted).toBe(1);
    expect(rooms).toBe(1);
  });

  test('does not take what was asked for before it was set to another offset', () => {
    const buffer = new InputBuffer(() => undefined);
    buffer.seek(0);
    const late = buffer.fetching();
    buffer.seek(100);
    late(fetched(0, ['a']));
    expect(buffer.peek()).toBeUndefined();
    expect(buffer.wanted).toBe(100);
  });

  test('is asked for again after a fetch that failed', () => {
    const buffer = new InputBuffer(() => undefined);
    buffer.seek(3);
    buffer.fetching()();
    expect(buffer.wanted).toBe(3);
  });

  test('wakes who waits for it, and fails once what has come is read', async () => {
    const buffer = new InputBuffer(() => undefined);
    buffer.seek(0);
    const waiting = buffer.changed(60_000);
    buffer.fetching()(fetched(0, ['a']));
    await waiting;
    buffer.fail(new Error('gone'));
    expect(buffer.peek()!.offset).toBe(0);
    buffer.take();
    expect(() => buffer.peek()).toThrow('gone');
    await expect(buffer.changed(0)).rejects.toThrow('gone');
  });
});
