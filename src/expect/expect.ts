import type { Batch } from '../model/batch.js';
import type { AnyPoint } from '../model/point.js';
import { counted } from '../model/text.js';
import { diffItems, type DiffStep } from './differences.js';
import { whyEmpty } from './output-notes.js';
import {
  actualBatch,
  type ActualItem,
  actualPoint,
  type ExpectedBatch,
  type ExpectedPoint,
  parseExpectedPoints,
  expectedBatch,
  type ExpectedItem,
  expectedPoint,
} from './expected-items.js';

export interface ExpectOptions {
  /** Allowed difference of doubles, relative to the expected value. Default 0. */
  readonly tolerance?: number | undefined;
}

/** Actual points differ from expected ones. Test runners show a diff of `expected` and `actual`. */
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
 * Compares points, in order, with expected ones: objects, or line protocol, where a line without a time matches any time.
 * Integers never equal doubles.
 *
 * Throws an `ExpectationError` that lists missing (`-`) and unexpected points (`+`), the latter with the input that caused them.
 * Where `runUdf` or `replay` emitted no point at all, it says what the handlers did instead, such as return nothing.
 */
export function expectPoints(
  actual: readonly AnyPoint[],
  expected: string | readonly ExpectedPoint[],
  { tolerance = 0 }: ExpectOptions = {},
): void {
  const expectedList = parseExpectedPoints(expected);
  compare(
    summaryOf(
      `expected ${counted(expectedList.length, 'point')}, got ${actual.length}`,
      expectedList.length,
      actual,
    ),
    actual.map((point) => actualPoint(point)),
    expectedList.map((point) => expectedPoint(point, tolerance)),
  );
}

/**
 * Compares batches and their points, in order, with expected ones. In line protocol, points of a batch may have any name,
 * as they have no name themselves.
 *
 * Throws `ExpectationError` as `expectPoints` does.
 */
export function expectBatches(
  actual: readonly Batch[],
  expected: readonly ExpectedBatch[],
  { tolerance = 0 }: ExpectOptions = {},
): void {
  compare(
    summaryOf(
      `expected ${counted(expected.length, 'batch', 'batches')}, got ${actual.length}`,
      expected.length,
      actual,
      actual.every(({ points }) => points.length === 0),
    ),
    actual.flatMap((batch) => [
      actualBatch(batch),
      ...batch.points.map((point) => actualPoint(point, batch.name)),
    ]),
    expected.flatMap((batch, index) => {
      const name = batch.name ?? '…';
      const points =
        batch.points === undefined ? (actual[index]?.points ?? []) : parseExpectedPoints(batch.points);
      return [expectedBatch(batch), ...points.map((point) => expectedPoint(point, tolerance, name))];
    }),
  );
}

/** Says that the content differs where the counts do not, and why there is nothing at all (no point), if that is known. */
function summaryOf(
  counts: string,
  expected: number,
  actual: readonly object[],
  isEmpty = actual.length === 0,
): string {
  const summary = expected === actual.length ? `${counts} with other content` : counts;
  const why = isEmpty ? whyEmpty(actual) : undefined;
  return why === undefined ? summary : `${summary}: ${why}`;
}

function compare(summary: string, actual: readonly ActualItem[], expected: readonly ExpectedItem[]): void {
  const steps = diffItems(expected.length, actual.length, (expectedIndex, actualIndex) =>
    expected[expectedIndex]!.matches(actual[actualIndex]!.value),
  );
  if (steps.every(({ kind }) => kind === 'same')) return;
  throw new ExpectationError(
    `${summary}\n\n${formatSteps(steps, actual, expected).join('\n')}\n`,
    // Matching items have the same text on both sides, so that a runner's diff shows only the differences.
    steps.flatMap((step) => (step.kind === 'extra' ? [] : [expectedText(step, actual, expected)])).join('\n'),
    actual.map(({ text }) => text).join('\n'),
  );
}

function expectedText(
  step: Exclude<DiffStep, { readonly kind: 'extra' }>,
  actual: readonly ActualItem[],
  expected: readonly ExpectedItem[],
): string {
  return step.kind === 'same' ? actual[step.actual]!.text : expected[step.expected]!.text;
}

/** Matching items shown before and after a difference. */
const contextLength = 3;
/** Max lines of a difference, to keep messages readable. */
const maxLines = 60;

function formatSteps(
  steps: readonly DiffStep[],
  actual: readonly ActualItem[],
  expected: readonly ExpectedItem[],
): string[] {
  const near = new Set<number>();
  steps.forEach(({ kind }, index) => {
    if (kind === 'same') return;
    for (let at = index - contextLength; at <= index + contextLength; at++) near.add(at);
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
    lines.push(formatStep(step, actual, expected));
  });
  if (skipped > 0) lines.push(`  … ${skipped} more that fit`);
  const rest = lines.length - maxLines;
  return rest > 0 ? [...lines.slice(0, maxLines), `  … ${rest} more lines`] : lines;
}

function formatStep(
  step: DiffStep,
  actual: readonly ActualItem[],
  expected: readonly ExpectedItem[],
): string {
  if (step.kind === 'missing') return `- ${expected[step.expected]!.text}`;
  const { text, input } = actual[step.actual]!;
  if (step.kind === 'same') return `  ${text}`;
  return input === undefined ? `+ ${text}` : `+ ${text}    (at ${input})`;
}
