import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unifiedDiff } from '../../src/tasks/unified-diff.js';
import { tempDir } from '../support/temp-dir.js';

const text = (...lines: (string | number)[]): string => lines.map((line) => `${line}\n`).join('');
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('the difference between two scripts', () => {
  it('has no lines where there is none', () => {
    expect(unifiedDiff('a\nb\n', 'a\nb\n', ['one', 'other'])).toEqual([]);
  });

  it('is shown as diff -u shows it', () => {
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

  it('tells where a newline at the end is missing', () => {
    expect(unifiedDiff('a\n', 'a', ['one', 'other']).slice(3)).toEqual(['-a', '+a (no newline at the end)']);
  });

  it.skipIf(spawnSync('patch', ['--version']).error)('can be applied by patch', () => {
    const directory = tempDir();
    const [before, after] = [text('a', 'b', 'c', ...upTo(9)), text('b', 'x', 'c', ...upTo(8))];
    const file = join(directory, 'script');
    writeFileSync(file, before);
    const input = text(...unifiedDiff(before, after, ['script', 'script']));
    expect(spawnSync('patch', ['-o', '-', file], { input, encoding: 'utf8' }).stdout).toBe(after);
  });
});
