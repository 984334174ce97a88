import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diffItems, unifiedDiff } from '../../src/expect/differences.js';
import { tempDir } from '../support/temp-dir.js';

const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });

function steps(expected: readonly string[], actual: readonly string[]) {
  return diffItems(expected.length, actual.length, (want, came) => expected[want] === actual[came]);
}

/** The length of the longest common subsequence, by trying everything. */
function common(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return 0;
  const [first, ...rest] = a;
  const at = b.indexOf(first!);
  const without = common(rest, b);
  return at < 0 ? without : Math.max(without, 1 + common(rest, b.slice(at + 1)));
}

describe('the difference between two lists', () => {
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

  test('shows what is too different to be searched as replaced', () => {
    const list = (letter: string): string[] => [
      'first',
      ...Array.from({ length: 3000 }, (_, index) => `${letter}${index}`),
      'last',
    ];
    expect(steps(list('a'), list('b')).map(({ kind }) => kind)).toEqual([
      'same',
      ...Array<string>(3000).fill('missing'),
      ...Array<string>(3000).fill('extra'),
      'same',
    ]);
  });
});

const text = (...lines: (string | number)[]): string => lines.map((line) => `${line}\n`).join('');
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('the difference between two texts', () => {
  test('has no lines where there is none', () => {
    expect(unifiedDiff('a\nb\n', 'a\nb\n', ['one', 'other'])).toEqual([]);
  });

  test('is shown as diff -u shows it', () => {
    const before = text(...upTo(20));
    const after = text(
      ...upTo(20).flatMap<string | number>((line) =>
        line === 3 ? [] : line === 17 ? ['new', 'seventeen'] : [line],
      ),
    );
    expect(unifiedDiff(before, after, ['one', 'other'])).toEqual([
      ...['--- one', '+++ other'],
      ...['@@ -1,6 +1,5 @@', ' 1', ' 2', '-3', ' 4', ' 5', ' 6'],
      ...['@@ -14,7 +13,8 @@', ' 14', ' 15', ' 16', '-17', '+new', '+seventeen', ' 18', ' 19', ' 20'],
    ]);
  });

  test('says where a newline at the end is missing', () => {
    expect(unifiedDiff('a\n', 'a', ['one', 'other']).slice(3)).toEqual([
      '-a',
      '+a',
      '\\ No newline at end of file',
    ]);
  });

  const canPatch = spawnSync('patch', ['--version']).error === undefined;

  test.skipIf(!canPatch).each([
    ['short texts', [text('a', 'b', 'c', ...upTo(9)), text('b', 'x', 'c', ...upTo(8))]],
    [
      'texts too different to be searched',
      [
        text('first', ...upTo(3000), 'last'),
        text('first', ...upTo(3000).map((line) => `new ${line}`), 'last'),
      ],
    ],
  ] as const)('can be applied by patch: %s', (_what, [before, after]) => {
    const file = join(tempDir(), 'script');
    writeFileSync(file, before);
    const input = text(...unifiedDiff(before, after, ['script', 'script']));
    expect(spawnSync('patch', ['-o', '-', file], { input, encoding: 'utf8' }).stdout).toBe(after);
  });
});
