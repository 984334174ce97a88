import { describe, expect, test } from 'vitest';
import { runUdf } from 'kapacitor-udf/testkit';
import { define, type Loose, messageOf } from './support/mistakes.js';

/** What an author of a UDF of batches gets wrong: each message says what, where, and what to do. */

const same = (input: unknown) => input;

describe('a handler of batches', () => {
  const batches = (more: Loose) => define({ name: 'mine', wants: 'batch', provides: 'batch', ...more });
  const refusalOf = (more: Loose) =>
    messageOf(async () => {
      const run = await runUdf(batches(more));
      await run.send({ name: 'cpu', time: 9n, points: [{ time: 1n, fields: { v: 1 } }] });
    });

  test.each<[mistake: string, more: Loose, message: string]>([
    [
      'takes a batch for an array',
      { batch: (batch: { map(change: unknown): unknown }) => batch.map(same) },
      'batch.map is not a function; a batch is no array: its points are in batch.points; on the batch at 9 (at',
    ],
    [
      'returns points',
      { batch: ({ points }: { points: unknown }) => points },
      'batch returned a point; return nothing, a batch or an array of them; put points into one with batch.withPoints([…]) or createBatch(); on the batch at 9 (the',
    ],
    [
      'returns the beginning of a batch',
      { beginBatch: same, point: same },
      'beginBatch returned an object; return nothing, a point or an array of them; the runtime writes the beginning and the end of each batch itself; in beginBatch of the batch of group "" (the',
    ],
    [
      'emits the end of a batch',
      {
        point: same,
        endBatch: (end: unknown, { emit }: { emit: (item: unknown) => void }) => {
          emit(end);
        },
      },
      'emit takes a point here, got an object; the runtime writes the beginning and the end of each batch itself; in endBatch of the batch of group "" at 9 (at',
    ],
  ])('that %s is answered with what to do, and the place', async (_, more, message) => {
    expect(await refusalOf(more)).toContain(`mine: task test: ${message}`);
  });
});
