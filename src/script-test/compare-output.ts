import { messageOf } from '../model/errors.js';
import { diffItems } from '../expect/differences.js';
import { ExpectationError, expectPoints } from '../expect/expect.js';
import { setCausingInput } from '../expect/output-notes.js';
import { createPoint } from '../udf/create.js';
import type { LinePoint } from '../recording/line-protocol.js';
import type { Fields, FieldValue } from '../model/values.js';
import type { Point } from '../model/point.js';
import type { ExpectedAlert, Expectations, Level } from './cases.js';
import { counted } from '../model/text.js';
import type { OutputAlert, OutputPoint } from './read-output.js';

/** The actual output of a case. */
export interface CaseOutput {
  readonly points: ReadonlyMap<string, readonly OutputPoint[]>;
  readonly counts: ReadonlyMap<string, number>;
  readonly triggered: ReadonlyMap<Level, number>;
  readonly alerts: readonly OutputAlert[];
  /** Errors of nodes. They fail no case, but explain failures. */
  readonly errors: readonly string[];
}

/** The differences between the output and what is expected, with the errors of nodes if there are any differences. */
export function compareOutput(expects: Expectations, output: CaseOutput): string[] {
  const problems = [
    ...[...expects.points].flatMap(([node, points]) =>
      comparePoints(node, points, output.points.get(node) ?? [], expects),
    ),
    ...[...expects.counts].flatMap(([node, count]) =>
      compareCount(`${node}: expected ${counted(count, 'point')}`, count, output.counts.get(node) ?? 0),
    ),
    ...[...expects.triggered].flatMap(([level, count]) =>
      compareCount(
        `expected ${counted(count, 'alert')} of level ${level}`,
        count,
        output.triggered.get(level) ?? 0,
      ),
    ),
    ...(expects.alerts ? compareAlerts(expects.alerts, output.alerts) : []),
  ];
  return problems.length === 0 ? [] : [...problems, ...output.errors];
}

function compareCount(what: string, expected: number, actual: number): string[] {
  return expected === actual ? [] : [`${what}, got ${actual}`];
}

/** Compares points in order within each series; the order between series is not defined. */
function comparePoints(
  node: string,
  expected: readonly LinePoint[],
  actual: readonly OutputPoint[],
  { tolerance }: Expectations,
): string[] {
  try {
    expectPoints(asPoints(bySeries(actual)), bySeries(expected).map(comparable), { tolerance });
    return [];
  } catch (reason) {
    if (reason instanceof ExpectationError) return [`${node}: ${reason.message.trimEnd()}`];
    return [`${node}: ${messageOf(reason)}`];
  }
}

function bySeries<Point extends Pick<LinePoint, 'name' | 'tags'>>(points: readonly Point[]): Point[] {
  const key = ({ name, tags }: Point): string => JSON.stringify([name, Object.entries(tags).sort()]);
  const groups = new Map<string, Point[]>();
  for (const point of points) {
    const members = groups.get(key(point));
    if (members) members.push(point);
    else groups.set(key(point), [point]);
  }
  return [...groups].sort(([one], [other]) => (one < other ? -1 : 1)).flatMap(([, members]) => members);
}

function asPoints(actual: readonly OutputPoint[]): Point[] {
  return actual.map((output) => {
    const point = createPoint(comparable(output));
    if (point.time >= minCalendarTime) setCausingInput(point, () => formatTime(point.time));
    return point;
  });
}

/** Times below, the first eleven days of 1970, are taken for small numbers of a test and not shown as dates. */
const minCalendarTime = 10n ** 15n;

function formatTime(time: bigint): string {
  return `${new Date(Number(time / 1_000_000n)).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** JSON does not distinguish integers from doubles: up to 2^53 both become doubles, which are exact, above integers. */
function comparable<Source extends { readonly fields: Fields }>(point: Source): Source {
  const fields = Object.entries(point.fields).map(([name, value]) => [name, comparableValue(value)]);
  return { ...point, fields: Object.fromEntries(fields) as Fields };
}

function comparableValue(value: FieldValue): FieldValue {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value)) return value;
  const exact = BigInt(value);
  return BigInt.asIntN(64, exact) === exact ? exact : value;
}

const maxLines = 60;

function compareAlerts(expected: readonly ExpectedAlert[], actual: readonly OutputAlert[]): string[] {
  const matches = ({ level, message, id }: ExpectedAlert, alert: OutputAlert): boolean =>
    (level ?? alert.level) === alert.level &&
    (message ?? alert.message) === alert.message &&
    (id ?? alert.id) === alert.id;
  const steps = diffItems(expected.length, actual.length, (expectedIndex, actualIndex) =>
    matches(expected[expectedIndex]!, actual[actualIndex]!),
  );
  if (steps.every(({ kind }) => kind === 'same')) return [];
  const lines = steps.map((step) => {
    if (step.kind === 'missing') return `- ${alertText(expected[step.expected]!)}`;
    return `${step.kind === 'same' ? ' ' : '+'} ${alertText(actual[step.actual]!)}`;
  });
  const rest = lines.length - maxLines;
  const shown = rest > 0 ? [...lines.slice(0, maxLines), `  … ${rest} more`] : lines;
  return [`expected ${counted(expected.length, 'alert')}, got ${actual.length}\n\n${shown.join('\n')}`];
}

function alertText({ level, message, id }: ExpectedAlert | OutputAlert): string {
  const text = message === undefined ? '…' : JSON.stringify(message);
  return `${level ?? '…'} ${text}${id === undefined ? '' : ` (id ${JSON.stringify(id)})`}`;
}
