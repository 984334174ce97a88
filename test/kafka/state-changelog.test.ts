import { expect, test, vi } from 'vitest';
import { encodeMetadata, maxChunkBytes } from '../../src/kafka/changelog.js';
import { type BatchBuilder, RecordReader } from '../../src/kafka/client/record-batch.js';
import { createPartitionCounters } from '../../src/kafka/partition-counters.js';
import { StateChangelog } from '../../src/kafka/state-changelog.js';

const codec = { crc32c: () => 0, compress: unused, decompress: unused };
function unused(): never {
  throw new Error('not compressed');
}

/** A changelog topic in memory. */
function topic() {
  const values: (Buffer | undefined)[] = [];
  return {
    values,
    writeChangelog: (batch: BatchBuilder): Promise<number> => {
      const first = values.length;
      const bytes = batch.build(codec, 'none', { producerId: 1n, producerEpoch: 0, sequence: 0 });
      const reader = new RecordReader(codec, bytes, 0);
      while (reader.next()) {
        const { buf, valueStart, valueEnd } = reader;
        values.push(valueStart < 0 ? undefined : Buffer.from(buf.subarray(valueStart, valueEnd)));
      }
      return Promise.resolve(first);
    },
    readChangelog: (from: number, add: (value: Buffer) => void): Promise<void> => {
      for (const value of values.slice(from)) if (value) add(value);
      return Promise.resolve();
    },
  };
}

function setUp() {
  const store = topic();
  const counters = createPartitionCounters();
  const open = () => new StateChangelog({ udf: 'counting', store, counters, snapshotIntervalMs: 1_000 });
  return { store, counters, open, changelog: open() };
}

const stateOf =
  (bytes: number, text = 'x') =>
  () =>
    Promise.resolve(Buffer.alloc(bytes, text));
const large = stateOf(100_000);
const at = (offset: number) => ({ offset, time: BigInt(offset) });

test('a small state is written with each transaction', async () => {
  const { changelog, counters, open } = setUp();
  await changelog.write(at(1), stateOf(10), false);
  const metadata = await changelog.write(at(2), stateOf(10, 'y'), false);
  expect(counters).toMatchObject({ snapshots: 2, snapshotBytes: 10 });
  const restored = await open().read(2, metadata);
  expect(restored).toMatchObject({ snapshot: { offset: 2, time: 2n }, steps: [] });
  expect(restored!.snapshot.state.toString()).toBe('y'.repeat(10));
});

test('a larger one is written at intervals, and a step for each transaction in between', async () => {
  const { changelog, counters, open } = setUp();
  const now = vi.spyOn(performance, 'now').mockReturnValue(0);
  await changelog.write(at(1), large, false);
  now.mockReturnValue(999);
  await changelog.write(at(2), large, false);
  const metadata = await changelog.write(at(3), large, false);
  expect(counters.snapshots).toBe(1);
  expect(changelog.steps).toBe(2);
  expect(await open().read(3, metadata)).toMatchObject({
    snapshot: { offset: 1, time: 1n },
    steps: [at(2), at(3)],
  });
  now.mockReturnValue(1_000);
  await changelog.write(at(4), large, false);
  expect(counters.snapshots).toBe(2);
  expect(changelog.steps).toBe(0);
  now.mockRestore();
});

test('a snapshot that takes long is written less often', async () => {
  const { changelog, counters } = setUp();
  const now = vi.spyOn(performance, 'now').mockReturnValue(0);
  await changelog.write(at(1), () => (now.mockReturnValue(100), large()), false);
  now.mockReturnValue(2_099);
  await changelog.write(at(2), large, false);
  expect(counters.snapshots).toBe(1);
  now.mockReturnValue(2_100);
  await changelog.write(at(3), large, false);
  expect(counters.snapshots).toBe(2);
  now.mockRestore();
});

test('the last transaction is written as a snapshot', async () => {
  const { changelog, open } = setUp();
  await changelog.write(at(1), large, false);
  const metadata = await changelog.write(at(2), large, true);
  expect(await open().read(2, metadata)).toMatchObject({ snapshot: { offset: 2 }, steps: [] });
});

test('a restored partition continues with the steps after its snapshot', async () => {
  const { changelog, open } = setUp();
  await changelog.write(at(1), large, false);
  const metadata = await changelog.write(at(2), large, false);
  const next = open();
  await next.read(2, metadata);
  expect(next.steps).toBe(1);
  expect(await next.write(at(3), large, false)).toBe(metadata);
  expect(await open().read(3, metadata)).toMatchObject({ steps: [at(2), at(3)] });
});

test('chunks that a smaller snapshot has no more are deleted', async () => {
  const { changelog, store } = setUp();
  await changelog.write(at(1), stateOf(2 * maxChunkBytes), true);
  const before = store.values.length;
  await changelog.write(at(2), stateOf(1), true);
  expect(store.values.slice(before).map((value) => value === undefined)).toEqual([false, true]);
});

test('an offset that no worker has committed has no state', async () => {
  const { open } = setUp();
  expect(await open().read(-1, '')).toBeUndefined();
  expect(await open().read(7, 'set by hand')).toBeUndefined();
});

test('a changelog that has been deleted is damaged', async () => {
  const { open } = setUp();
  await expect(open().read(7, encodeMetadata(0))).rejects.toMatchObject({ code: 'snapshot_damaged' });
});
