import { messageOf } from '../model/errors.js';
import { diffItems } from '../expect/differences.js';
import { ExpectationError, expectPoints } from '../expect/expect.js';
import { createPoint } from '../udf/create.js';
import type { LinePoint } from '../recording/line-protocol.js';
import type { Fields, FieldValue } from '../model/values.js';
import type { ExpectedAlert, Expectations, Level } from './cases.js';
import { counted } from '../model/text.js';
import type { SeenAlert, SeenPoint } from './observation.js';

/** What came of a case. */
export interface Seen {
  readonly points: ReadonlyMap<string, readonly SeenPoint[]>;
  readonly counts: ReadonlyMap<string, number>;
  readonly triggered: ReadonlyMap<Level, number>;
  readonly alerts: readonly SeenAlert[];
  /** Errors of nodes: no failure in themselves, and often the reason for one. */
  readonly errors: readonly string[];
}

/** What is not as expected; nothing if all is. */
export function judge(expects: Expectations, seen: Seen): string[] {
  const problems = [
    ...[...expects.points].flatMap(([node, points]) =>
      comparePoints(node, points, seen.points.get(node) ?? [], expects),
    ),
    ...[...expects.counts].flatMap(([node, count]) =>
      compareCount(`${node}: expected ${counted(count, 'point')}`, count, seen.counts.get(node) ?? 0),
    ),
    ...[...expects.triggered].flatMap(([level, count]) =>
      compareCount(
        `expected ${counted(count, 'alert')} of level ${level}`,
        count,
        seen.triggered.get(level) ?? 0,
      ),
    ),
    ...(expects.alerts ? compareAlerts(expects.alerts, seen.alerts) : []),
  ];
  return problems.length === 0 ? [] : [...problems, ...seen.errors];
}

function compareCount(what: string, expected: number, actual: number): string[] {
  return expected === actual ? [] : [`${what}, got ${actual}`];
}

/** Points of different series have no order among each other. */
function comparePoints(
  node: string,
  expected: readonly LinePoint[],
  actual: readonly SeenPoint[],
  { tolerance }: Expectations,
): string[] {
  try {
    const came = bySeries(actual).map(createPoint);
    const wanted = bySeries(expected).map((point) => ({ ...point, fields: doubles(point.fields) }));
    expectPoints(came, wanted, { tolerance });
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

/** What came has passed JSON, in which an integer is a number like all others. */
function doubles(fields: Fields): Record<string, FieldValue> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
  );
}

/** People read it: so many alerts tell enough. */
const maxLines = 60;

function compareAlerts(expected: readonly ExpectedAlert[], actual: readonly SeenAlert[]): string[] {
  const fits = ({ level, message, id }: ExpectedAlert, alert: SeenAlert): boolean =>
    (level ?? alert.level) === alert.level &&
    (message ?? alert.message) === alert.message &&
    (id ?? alert.id) === alert.id;
  const steps = diffItems(expected.length, actual.length, (want, came) =>
    fits(expected[want]!, actual[came]!),
  );
  if (steps.every(({ kind }) => kind === 'same')) return [];
  const lines = steps.map((step) => {
    if (step.kind === 'missing') return `- ${shown(expected[step.expected]!)}`;
    return `${step.kind === 'same' ? ' ' : '+'} ${shown(actual[step.actual]!)}`;
  });
  const rest = lines.length - maxLines;
  const told = rest > 0 ? [...lines.slice(0, maxLines), `  … ${rest} more`] : lines;
  return [`expected ${counted(expected.length, 'alert')}, got ${actual.length}\n\n${told.join('\n')}`];
}

function shown({ level, message, id }: ExpectedAlert | SeenAlert): string {
  const text = message === undefined ? '…' : JSON.stringify(message);
  return `${level ?? '…'} ${text}${id === undefined ? '' : ` (id ${JSON.stringify(id)})`}`;
}
