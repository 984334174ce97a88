import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GroupNames } from '../../../src/agent/state/names.js';

/** Names that are alike: of few letters, some the beginning of another, some longer than the table begins with. */
const name = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '\0'), maxLength: 9 }),
  fc.string({ unit: 'binary-ascii', minLength: 60, maxLength: 90 }),
);
const operation = fc.record({ remove: fc.boolean(), name });

test('is the same as a map of strings, whatever is kept and removed', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
      const names = new GroupNames(7);
      const model = new Map<string, number>();
      const hashes = new Map<string, number>();
      const free = Array.from({ length: 401 }, (_, index) => index).reverse();
      for (const { remove, name } of operations) {
        const bytes = Buffer.from(`xy${name}z`, 'latin1'); // not at the start of its buffer
        for (const [kept, index] of model) {
          expect(names.is(index, bytes, 2, name.length)).toBe(kept === name);
          if (kept === name) expect(names.hash(bytes, 2, name.length)).toBe(hashes.get(name));
        }
        const known = model.get(name);
        if (known !== undefined && remove) {
          names.remove(known);
          model.delete(name);
          free.push(known);
        } else if (known === undefined && !remove) {
          const index = free.pop()!;
          names.keep(index, bytes, 2, name.length);
          hashes.set(name, names.hash(bytes, 2, name.length));
          model.set(name, index);
        }
      }
      for (const [kept, index] of model) expect(names.binary(index)).toBe(kept);
      for (const index of free) expect(names.has(index)).toBe(false);
    }),
  );
});

test('gives the places of removed names back, so that names that come and go take no more memory', () => {
  const names = new GroupNames(7);
  for (let round = 0; round < 100_000; round++) {
    const bytes = Buffer.from(`group ${round}`);
    names.keep(round % 10, bytes, 0, bytes.length);
    names.remove(round % 10);
  }
  expect(names.bytes).toBeLessThan(8192);
});
