import { describe, test } from 'vitest';
import { killedUses, expectUndisturbed, nameOf } from './killed-workers.js';

const seeds = process.env.FAULTS === 'long' ? [2, 3, 4, 5, 6, 7] : [1];

describe.each(killedUses.map((use) => [nameOf(use), use] as const))('workers of %s', (_, use) => {
  test.each(seeds)(
    'that end in the middle of calls at random points of the stream change nothing of what it emits (seed %i)',
    async (seed) => {
      await expectUndisturbed(use, { seed, points: 2_000, kills: 10 });
    },
    180_000,
  );
});
