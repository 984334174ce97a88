import { diffArrays, FILE_HEADERS_ONLY, formatPatch, structuredPatch } from 'diff';

/** One step from the expected items to the actual ones. */
export type DiffStep =
  | { readonly kind: 'same'; readonly expected: number; readonly actual: number }
  | { readonly kind: 'missing'; readonly expected: number }
  | { readonly kind: 'extra'; readonly actual: number };

/** Insertions and deletions that are searched for. The search takes quadratic time: 0.2 s for so many. */
const maxEditLength = 1_000;

/**
 * The shortest edit script from `expected` items to `actual` ones: which stayed, which are missing, which are extra.
 * Lists with more than 1,000 differences are shown as replaced between their first difference and their last.
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
  let [want, came] = [0, 0];
  return runs.flatMap(({ added, removed, count }) =>
    Array.from({ length: count }, (): DiffStep => {
      if (removed) return { kind: 'missing', expected: want++ };
      if (added) return { kind: 'extra', actual: came++ };
      return { kind: 'same', expected: want++, actual: came++ };
    }),
  );
}

/** The difference between two texts as `diff -u` shows it, by lines; none if they are equal. */
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
  const [old, now] = [before.split('\n'), after.split('\n')];
  const [start, removed, added] = replacedMiddle(old.length, now.length, (a, b) => old[a] === now[b]);
  const lines = (all: readonly string[], sign: string, count: number): string[] =>
    all.slice(start!.count, start!.count + count).map((line) => `${sign}${line}`);
  return [
    `--- ${names[0]}`,
    `+++ ${names[1]}`,
    `@@ -${start!.count + 1},${removed!.count} +${start!.count + 1},${added!.count} @@`,
    ...lines(old, '-', removed!.count),
    ...lines(now, '+', added!.count),
  ].join('\n');
}
