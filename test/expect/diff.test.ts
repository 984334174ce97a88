import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diff } from '../../src/expect/diff.js';

const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });

function steps(expected: readonly string[], actual: readonly string[]) {
  return diff(expected.length, actual.length, (want, came) => expected[want] === actual[came]);
}

/** The length of the longest common subsequence, by trying everything. */
function common(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return 0;
  const [first, ...rest] = a;
  const at = b.indexOf(first!);
  const without = common(rest, b);
  return at < 0 ? without : Math.max(without, 1 + common(rest, b.slice(at + 1)));
}

describe('a diff', () => {
  test('leads from what was expected to what came, in order', () => {
    fc.assert(
      fc.property(letters, letters, (expected, actual) => {
        const found = steps(expected, actual);
        const wanted = found.flatMap((step) => (step.kind === 'extra' ? [] : [step.expected]));
        const came = found.flatMap((step) => (step.kind === 'missing' ? [] : [step.actual]));
        expect(wanted).toEqual([...expected.keys()]);
        expect(came).toEqual([...actual.keys()]);
        for (const step of found)
          if (step.kind === 'same') expect(expected[step.expected]).toBe(actual[step.actual]);
      }),
    );
  });

  test('keeps as much as can be kept', () => {
    fc.assert(
      fc.property(letters, letters, (expected, actual) => {
        const same = steps(expected, actual).filter(({ kind }) => kind === 'same');
        expect(same).toHaveLength(common(expected, actual));
      }),
    );
  });

  test('of lists too different to be searched shows one as replaced by the other', () => {
    const expected = Array.from({ length: 3000 }, (_, index) => `a${index}`);
    const actual = Array.from({ length: 3000 }, (_, index) => `b${index}`);
    expect(steps(expected, actual).map(({ kind }) => kind)).toEqual([
      ...Array<string>(3000).fill('missing'),
      ...Array<string>(3000).fill('extra'),
    ]);
  });
});
