import { describe, test } from 'vitest';
import { expectUndisturbed, allKilledUses, nameOf } from './killed-workers.js';

describe.each(allKilledUses.map((use) => [nameOf(use), use] as const))('workers of %s', (_, use) => {
  test.each([2, 3, 4, 5])(
    'that end in the middle of calls at random points of the stream change nothing of what it emits (seed %i)',
    async (seed) => {
      await expectUndisturbed(use, { seed, points: 2_000, kills: 10 });
    },
    180_000,
  );
});
