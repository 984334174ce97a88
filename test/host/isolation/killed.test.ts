import { describe, test } from 'vitest';
import { expectUndisturbed, killedUses, nameOf } from './killed-workers.js';

describe('workers that end in the middle of calls', () => {
  test.each(killedUses.map((use) => [nameOf(use), use] as const))(
    'change nothing of what %s emits',
    async (_, use) => {
      await expectUndisturbed(use, { seed: 1, points: 300, kills: 2 });
    },
    60_000,
  );
});
