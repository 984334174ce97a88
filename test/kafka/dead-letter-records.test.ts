import { expect, test } from 'vitest';
import type { BatchBuilder } from '../../src/kafka/client/record-batch.js';
import { DeadLetterRecords } from '../../src/kafka/dead-letter-records.js';

function setUp(isKept: boolean) {
  const written: BatchBuilder[] = [];
  const counters = { deadLetters: 0 };
  const write = (batch: BatchBuilder) => Promise.resolve(written.push(batch));
  const records = new DeadLetterRecords({ write: isKept ? write : undefined, counters, origin: 'here' });
  return { records, written, counters };
}

test('many dropped lines are sent in batches that a broker accepts', () => {
  const { records, written, counters } = setUp(true);
  const line = Buffer.alloc(100 * 1024, 'x');
  for (let count = 0; count < 12; count++) records.add('malformed', line);
  expect(written.map(({ count }) => count)).toEqual([6, 6]);
  records.add('malformed', line, 0, 10);
  records.flush();
  records.flush();
  expect(written.map(({ count }) => count)).toEqual([6, 6, 1]);
  expect(written.every(({ bytes }) => bytes < 1_000_000)).toBe(true);
  expect(counters.deadLetters).toBe(13);
});

test('dropped lines are counted where they are not kept', () => {
  const { records, written, counters } = setUp(false);
  records.add('malformed', Buffer.from('x'));
  records.flush();
  expect(written).toEqual([]);
  expect(counters.deadLetters).toBe(1);
});
