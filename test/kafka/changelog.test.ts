import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packHeader } from '../../src/agent/state/header.js';
import {
  assertStateOf,
  ChangelogReader,
  decodeMetadata,
  encodeMetadata,
  maxChunkBytes,
  snapshotRecords,
  stepRecord,
} from '../../src/kafka/changelog.js';

const offset = fc.maxSafeNat();
const time = fc.bigInt({ min: 0n, max: 2n ** 62n });
const step = fc.record({ offset, time });
const size = fc.oneof(fc.nat(100), fc.constantFrom(maxChunkBytes, maxChunkBytes + 1, 3 * maxChunkBytes - 1));
const snapshotOf = (id: bigint, bytes: number, start = 5, at = 9n) => ({
  id,
  offset: start,
  time: at,
  state: Buffer.alloc(bytes, String(id)),
});

describe('a partition', () => {
  test('is restored from its snapshot and the transactions since then', () => {
    fc.assert(
      fc.property(offset, time, size, fc.array(step, { maxLength: 20 }), (start, at, bytes, steps) => {
        const snapshot = snapshotOf(at, bytes, start, at);
        const records = [
          ...snapshotRecords(snapshot, 0),
          ...steps.map((each, index) => stepRecord(at, index, each)),
        ];
        const reader = new ChangelogReader();
        for (const { value } of records) reader.add(value!);
        const chunks = Math.max(1, Math.ceil(bytes / maxChunkBytes));
        const restored = reader.finish(steps.at(-1)?.offset ?? start);
        expect({ ...restored, snapshot: undefined }).toEqual({ snapshot: undefined, chunks, steps });
        const { state, ...others } = restored.snapshot;
        expect(others).toEqual({ id: at, offset: start, time: at });
        expect(state.equals(snapshot.state)).toBe(true); // a large one prints badly;
      }),
      { numRuns: 50 },
    );
  });

  test('does not see what is left of older snapshots', () => {
    const reader = new ChangelogReader();
    for (const { value } of snapshotRecords(snapshotOf(2n, 10), 0)) reader.add(value!);
    reader.add(stepRecord(1n, 0, { offset: 1, time: 1n }).value!);
    reader.add(stepRecord(2n, 0, { offset: 8, time: 10n }).value!);
    expect(reader.finish(8).steps).toEqual([{ offset: 8, time: 10n }]);
  });

  test('has one record for each key, and tombstones for chunks that a smaller snapshot has no more', () => {
    const large = snapshotRecords(snapshotOf(1n, 3 * maxChunkBytes), 0);
    const small = snapshotRecords(snapshotOf(2n, 1), large.length);
    const keys = (records: typeof large) => records.map(({ key }) => key.toString());
    expect(keys(small)).toEqual(keys(large));
    expect(small.map(({ value }) => value === undefined)).toEqual([false, true, true]);
  });
});

describe('a changelog that is damaged is refused:', () => {
  const records = snapshotRecords(snapshotOf(1n, 2 * maxChunkBytes), 0);
  const values = records.map(({ value }) => value!);
  const read = (given: readonly Buffer[], committed = 5): unknown => {
    const reader = new ChangelogReader();
    for (const value of given) reader.add(value);
    return reader.finish(committed);
  };

  test.each([
    ['empty', [], 'it has 0 of 0 parts of the snapshot'],
    ['without the first part', values.slice(1), 'part 0 of the snapshot is missing'],
    ['without the last part', values.slice(0, 1), 'it has 1 of 2 parts of the snapshot'],
    [
      'a transaction is missing',
      [...values, stepRecord(1n, 1, { offset: 9, time: 1n }).value!],
      'transaction 0 is missing',
    ],
    ['a record is cut', [values[0]!.subarray(0, 20)], 'a record is cut'],
  ])('%s', (_what, given, message) => {
    expect(() => read(given)).toThrow(expect.objectContaining({ code: 'snapshot_damaged', message: `the changelog is damaged: ${message}` })); // prettier-ignore
  });

  test('it does not reach what is committed', () => {
    expect(() => read(values, 6)).toThrow('it ends at offset 5, and 6 is committed');
  });

  test('it is of a newer format', () => {
    const newer = Buffer.from(values[0]!);
    newer[0] = 2;
    expect(() => read([newer])).toThrow(expect.objectContaining({ code: 'snapshot_newer' }));
  });
});

test('the metadata of an offset tells where the snapshot begins, and whether somebody else has set it', () => {
  fc.assert(
    fc.property(offset, (where) => {
      expect(decodeMetadata(encodeMetadata(where))).toBe(where);
    }),
  );
  expect(decodeMetadata('')).toBeUndefined();
  expect(decodeMetadata('something else')).toBeUndefined();
});

test('the state of another UDF is refused, and what cannot be told is left to the UDF', () => {
  const state = Buffer.concat(packHeader({ udf: 'edgeDetect', version: 1, groups: 0 }));
  expect(() => {
    assertStateOf('movingAverage', state);
  }).toThrow(
    expect.objectContaining({
      code: 'snapshot_foreign',
      message: expect.stringContaining('the changelog has the state of UDF edgeDetect') as string,
    }),
  );
  for (const readable of [state, state.subarray(0, 8), Buffer.alloc(0)]) {
    expect(() => {
      assertStateOf('edgeDetect', readable);
    }).not.toThrow();
  }
});
