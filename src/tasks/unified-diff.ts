import { diff, type DiffStep } from '../expect/diff.js';

/** How many lines that stay are shown around those that change. */
const context = 3;

/** The difference between two texts as `diff -u` shows it; no line if they are equal. */
export function unifiedDiff(before: string, after: string, names: readonly [string, string]): string[] {
  const [old, young] = [linesOf(before), linesOf(after)];
  const steps = diff(old.length, young.length, (one, other) => old[one] === young[other]);
  const shown = steps.map(() => false);
  steps.forEach(({ kind }, index) => {
    if (kind !== 'same') shown.fill(true, Math.max(0, index - context), index + context + 1);
  });
  const lines: string[] = [];
  for (let at = 0; at < steps.length;) {
    let end = at;
    while (shown[end]) end++;
    if (end > at) lines.push(...hunk(steps.slice(at, end), old, young, countsBefore(steps, at)));
    at = end + 1;
  }
  return lines.length === 0 ? [] : [`--- ${names[0]}`, `+++ ${names[1]}`, ...lines];
}

function linesOf(text: string): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  else lines.push(`${lines.pop() ?? ''} (no newline at the end)`);
  return lines;
}

/** How many lines of each text come before a step. */
function countsBefore(steps: readonly DiffStep[], at: number): [old: number, young: number] {
  const before = steps.slice(0, at);
  return [
    before.filter(({ kind }) => kind !== 'extra').length,
    before.filter(({ kind }) => kind !== 'missing').length,
  ];
}

function hunk(
  steps: readonly DiffStep[],
  old: readonly string[],
  young: readonly string[],
  [oldStart, youngStart]: readonly [number, number],
): string[] {
  const removed = steps.filter(({ kind }) => kind !== 'extra').length;
  const added = steps.filter(({ kind }) => kind !== 'missing').length;
  // A range of no lines is told by the line before it.
  const range = (start: number, count: number): string => `${count === 0 ? start : start + 1},${count}`;
  return [
    `@@ -${range(oldStart, removed)} +${range(youngStart, added)} @@`,
    ...steps.map((step) => {
      if (step.kind === 'extra') return `+${young[step.actual]!}`;
      return `${step.kind === 'missing' ? '-' : ' '}${old[step.expected]!}`;
    }),
  ];
}
