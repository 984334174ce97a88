import { diffArrays, FILE_HEADERS_ONLY, formatPatch, structuredPatch } from 'diff';

/** One step from the expected items to the actual ones. */
export type DiffStep =
  | { readonly kind: 'same'; readonly expected: number; readonly actual: number }
  | { readonly kind: 'missing'; readonly expected: number }
  | { readonly kind: 'extra'; readonly actual: number };

/** Max insertions and deletions. The search takes quadratic time: 0.2 s for these. */
const maxEditLength = 1_000;

/**
 * Returns the shortest edit script from `expected` to `actual` items, given the numbers of both. With more than 1,000
 * differences, all items from the first difference to the last are replaced.
 */
export function diffItems(
  expected: number,
  actual: number,
  same: (expected: number, actual: number) => boolean,
): DiffStep[] {
  const changes = diffArrays([...Array(expected).keys()], [...Array(actual).keys()], {
    comparator: same,
    maxEditLength,
  });
  const runs = changes ?? replacedMiddle(expected, actual, same);
  let [expectedIndex, actualIndex] = [0, 0];
  return runs.flatMap(({ added, removed, count }) =>
    Array.from({ length: count }, (): DiffStep => {
      if (removed) return { kind: 'missing', expected: expectedIndex++ };
      if (added) return { kind: 'extra', actual: actualIndex++ };
      return { kind: 'same', expected: expectedIndex++, actual: actualIndex++ };
    }),
  );
}

/** Returns the difference between two texts in the format of `diff -u`, by lines; empty if equal. */
export function unifiedDiff(before: string, after: string, names: readonly [string, string]): string[] {
  if (before === after) return [];
  const patch = structuredPatch(...names, before, after, undefined, undefined, { context: 3, maxEditLength });
  const text = patch ? formatPatch(patch, FILE_HEADERS_ONLY) : replacedLines(before, after, names);
  return text.replace(/\n$/, '').split('\n');
}

interface Run {
  readonly added: boolean;
  readonly removed: boolean;
  readonly count: number;
}

function replacedMiddle(
  expected: number,
  actual: number,
  same: (expected: number, actual: number) => boolean,
): Run[] {
  const shorter = Math.min(expected, actual);
  let start = 0;
  while (start < shorter && same(start, start)) start++;
  let end = 0;
  while (end < shorter - start && same(expected - 1 - end, actual - 1 - end)) end++;
  return [
    { added: false, removed: false, count: start },
    { added: false, removed: true, count: expected - start - end },
    { added: true, removed: false, count: actual - start - end },
    { added: false, removed: false, count: end },
  ];
}

function replacedLines(before: string, after: string, names: readonly [string, string]): string {
  const [oldLines, newLines] = [before.split('\n'), after.split('\n')];
  const [start, removed, added] = replacedMiddle(
    oldLines.length,
    newLines.length,
    (a, b) => oldLines[a] === newLines[b],
  );
  const lines = (all: readonly string[], sign: string, count: number): string[] =>
    all.slice(start!.count, start!.count + count).map((line) => `${sign}${line}`);
  return [
    `--- ${names[0]}`,
    `+++ ${names[1]}`,
    `@@ -${start!.count + 1},${removed!.count} +${start!.count + 1},${added!.count} @@`,
    ...lines(oldLines, '-', removed!.count),
    ...lines(newLines, '+', added!.count),
  ].join('\n');
}
