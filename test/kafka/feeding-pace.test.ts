import { expect, test } from 'vitest';
import { FeedingPace } from '../../src/kafka/feeding-pace.js';

/** Feeds a UDF whose handlers take so long for a record, one after the other or `concurrency` at a time. */
function feed(pace: FeedingPace, clock: { ms: number }, recordMs: number, concurrency = 1): number {
  const { maxRecords } = pace;
  pace.start();
  const records = Math.min(maxRecords, 1_000);
  pace.sent(records);
  clock.ms += (records * recordMs) / concurrency;
  handlerMs += records * recordMs;
  pace.settled(handlerMs / 1000);
  return records;
}

let handlerMs = 0;

function paceOf(budgetMs: number) {
  handlerMs = 0;
  const clock = { ms: 0 };
  return { clock, pace: new FeedingPace(budgetMs, () => clock.ms) };
}

test('a UDF that is fast is not waited for', () => {
  const { pace, clock } = paceOf(100);
  for (let turn = 0; turn < 5; turn++) feed(pace, clock, 0.001);
  expect(pace.maxRecords).toBe(Infinity);
});

test('a UDF that waits at each point is given what it handles in time, and one record at least', () => {
  const { pace, clock } = paceOf(100);
  for (let turn = 0; turn < 5; turn++) feed(pace, clock, 5);
  expect(pace.maxRecords).toBe(20);
  feed(pace, clock, 5_000);
  expect(pace.maxRecords).toBe(1);
});

test('a UDF that becomes slow, or fast again, is followed', () => {
  const { pace, clock } = paceOf(100);
  for (let turn = 0; turn < 5; turn++) feed(pace, clock, 0.001);
  feed(pace, clock, 50);
  expect(pace.maxRecords).toBe(2);
  for (let turn = 0; turn < 6; turn++) feed(pace, clock, 0.001);
  expect(pace.maxRecords).toBe(Infinity);
});

test('handlers that run at the same time count once', () => {
  const { pace, clock } = paceOf(100);
  for (let turn = 0; turn < 5; turn++) feed(pace, clock, 50, 100);
  expect(pace.maxRecords).toBe(200);
});

test('other partitions that keep the thread busy do not make a UDF slow', () => {
  const { pace, clock } = paceOf(100);
  for (let turn = 0; turn < 5; turn++) {
    pace.start();
    clock.ms += 1_000;
    feed(pace, clock, 0.001);
  }
  expect(pace.maxRecords).toBe(Infinity);
});
