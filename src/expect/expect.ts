import type { Batch } from '../model/batch.js';
import type { AnyPoint } from '../model/point.js';
import { diffItems, type DiffStep } from './differences.js';
import {
  actualBatch,
  type ActualItem,
  actualPoint,
  type ExpectedBatch,
  type ExpectedPoint,
  expectedPoints,
  wantedBatch,
  type WantedItem,
  wantedPoint,
} from './expected-items.js';

export interface ExpectOptions {
  /** Allowed difference of doubles, relative to the expected value. Default 0. */
  readonly tolerance?: number | undefined;
}

/** Actual points differ from expected ones. Test runners show `expected` and `actual` as for their own assertions. */
export class ExpectationError extends Error {
  override readonly name = 'ExpectationError';
  readonly expected: string;
  readonly actual: string;

  constructor(message: string, expected: string, actual: string) {
    super(message);
    this.expected = expected;
    this.actual = actual;
  }
}

/**
 * Compares points, in order, with what is expected: line protocol, where a line without a time fits any, or objects.
 * An integer and a double are different values.
 *
 * Throws an `ExpectationError` that lists missing (`-`) and unexpected points (`+`), the latter with the input that caused them.
 */
export function expectPoints(
  actual: readonly AnyPoint[],
  expected: string | readonly ExpectedPoint[],
  { tolerance = 0 }: ExpectOptions = {},
): void {
  const wanted = expectedPoints(expected);
  compare(
    `expected ${count(wanted.length, 'point')}, got ${actual.length}`,
    actual.map((point) => actualPoint(point)),
    wanted.map((point) => wantedPoint(point, tolerance)),
  );
}

/**
 * Compares batches and their points, in order, with what is expected. In line protocol a batch's point may have any
 * name, since it has none of its own.
 *
 * Throws `ExpectationError` as `expectPoints` does.
 */
export function expectBatches(
  actual: readonly Batch[],
  expected: readonly ExpectedBatch[],
  { tolerance = 0 }: ExpectOptions = {},
): void {
  compare(
    `expected ${count(expected.length, 'batch')}, got ${actual.length}`,
    actual.flatMap((batch) => [
      actualBatch(batch),
      ...batch.points.map((point) => actualPoint(point, batch.name)),
    ]),
    expected.flatMap((batch, index) => {
      const name = batch.name ?? '…';
      const points =
        batch.points === undefined ? (actual[index]?.points ?? []) : expectedPoints(batch.points);
      return [wantedBatch(batch), ...points.map((point) => wantedPoint(point, tolerance, name))];
    }),
  );
}

function compare(summary: string, actual: readonly ActualItem[], wanted: readonly WantedItem[]): void {
  const steps = diffItems(wanted.length, actual.length, (want, came) =>
    wanted[want]!.fits(actual[came]!.value),
  );
  if (steps.every(({ kind }) => kind === 'same')) return;
  throw new ExpectationError(
    `${summary}\n\n${shown(steps, actual, wanted).join('\n')}\n`,
    // Where an item fits, both sides show it as it came, so that a runner's own diff shows the differences only.
    steps.flatMap((step) => (step.kind === 'extra' ? [] : [expectedText(step, actual, wanted)])).join('\n'),
    actual.map(({ text }) => text).join('\n'),
  );
}

function expectedText(
  step: Exclude<DiffStep, { readonly kind: 'extra' }>,
  actual: readonly ActualItem[],
  wanted: readonly WantedItem[],
): string {
  return step.kind === 'same' ? actual[step.actual]!.text : wanted[step.expected]!.text;
}

/** Matching items shown around each difference. */
const context = 3;
/** Lines of a difference; more would not be read. */
const maxLines = 60;

function shown(
  steps: readonly DiffStep[],
  actual: readonly ActualItem[],
  wanted: readonly WantedItem[],
): string[] {
  const near = new Set<number>();
  steps.forEach(({ kind }, index) => {
    if (kind === 'same') return;
    for (let at = index - context; at <= index + context; at++) near.add(at);
  });
  const lines: string[] = [];
  let skipped = 0;
  steps.forEach((step, index) => {
    if (!near.has(index)) {
      skipped++;
      return;
    }
    if (skipped > 0) lines.push(`  … ${skipped} more that fit`);
    skipped = 0;
    lines.push(line(step, actual, wanted));
  });
  if (skipped > 0) lines.push(`  … ${skipped} more that fit`);
  const rest = lines.length - maxLines;
  return rest > 0 ? [...lines.slice(0, maxLines), `  … ${rest} more lines`] : lines;
}

function line(step: DiffStep, actual: readonly ActualItem[], wanted: readonly WantedItem[]): string {
  if (step.kind === 'missing') return `- ${wanted[step.expected]!.text}`;
  const { text, input } = actual[step.actual]!;
  if (step.kind === 'same') return `  ${text}`;
  return input === undefined ? `+ ${text}` : `+ ${text}    (at ${input})`;
}

function count(number: number, what: string): string {
  if (number === 1) return `1 ${what}`;
  return `${number} ${what === 'batch' ? 'batches' : `${what}s`}`;
}
