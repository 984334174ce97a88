import { parse } from 'node:path';
import type { OutputSeries, Task, TopicEvent } from '../kapacitor/types.js';
import { UdfError } from '../model/errors.js';
import type { Fields, FieldValue, Tags } from '../model/values.js';
import { parseTime } from '../recording/times.js';
import { numberTag, type ObservedNode } from './isolated-script.js';
import { alertFields } from './script-edits.js';
import type { Level } from './cases.js';

/**
 * A point that a node emitted. Read from an `httpOut` endpoint, an int64 is a `number` up to 2^53, and a double above
 * it a `bigint` if it is written without an exponent: JSON does not distinguish the two.
 */
export interface OutputPoint {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  readonly time: bigint;
}

export interface OutputAlert {
  readonly level: Level;
  readonly message: string;
  readonly id: string;
  readonly time: bigint;
}

const addedNames: ReadonlySet<string> = new Set([...Object.values(alertFields), numberTag]);

/** The points as the observed node emitted them, their times moved back by `offset`. */
export function asEmitted(
  points: readonly OutputPoint[],
  observed: ObservedNode,
  offset: bigint,
): OutputPoint[] {
  return points.map(({ name, tags, fields, time }) => ({
    name: observed.name ?? name,
    tags: { ...withoutAdded(tags), ...observed.tags },
    fields: withoutAdded(fields),
    time: time - offset,
  }));
}

function withoutAdded<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !addedNames.has(name)));
}

/** The alerts of an alert node's points. `once`: each alert once, since all points of a batch carry its alert. */
export function alertsOf(points: readonly OutputPoint[], offset: bigint, once: boolean): OutputAlert[] {
  const alerts = points.map(({ fields, time }) => ({
    level: String(fields[alertFields.level]) as Level, // one of Kapacitor's four names
    message: String(fields[alertFields.message]),
    id: String(fields[alertFields.id]),
    time: time - offset,
  }));
  if (!once) return alerts;
  const key = ({ level, message, id }: OutputAlert): string => JSON.stringify([level, message, id]);
  return [...new Map(alerts.map((alert) => [key(alert), alert])).values()];
}

/** Alerts in the order of their times, with the id of the test's task replaced by the task's own name. */
export function normalizeAlerts(alerts: readonly OutputAlert[], id: string, task: string): OutputAlert[] {
  const renamed = (text: string): string => text.replaceAll(id, parse(task).name);
  return alerts
    .map((alert) => ({ ...alert, message: renamed(alert.message), id: renamed(alert.id) }))
    .sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0));
}

/** The points in an `httpOut` endpoint. */
export function pointsOfSeries(series: readonly OutputSeries[]): OutputPoint[] {
  return series.flatMap(({ name, tags = {}, columns = [], values }) =>
    (values ?? []).map((row) => {
      const fields = new Map<string, FieldValue>();
      let time = 0n;
      columns.forEach((column, index) => {
        const value = row[index] ?? null;
        if (column === 'time') time = parseTime(String(value));
        else if (value !== null) fields.set(column, inInt64Range(value));
      });
      return { name, tags, fields: Object.fromEntries(fields), time };
    }),
  );
}

/** Kapacitor writes a double such as 1e20 like an integer. */
function inInt64Range(value: FieldValue): FieldValue {
  return typeof value === 'bigint' && BigInt.asIntN(64, value) !== value ? Number(value) : value;
}

/** The points in a topic, in the order of their numbers; `pointTemplate` of the script has written their details. */
export function pointsOfEvents(events: readonly TopicEvent[]): OutputPoint[] {
  const number = ({ tags }: OutputPoint): number => Number(tags[numberTag]);
  return events
    .map(({ state }) => parseDetails(unescapeHtml(state.details)))
    .sort((one, other) => number(one) - number(other));
}

function parseDetails(details: string): OutputPoint {
  const [time = '', name = '', ...words] = details.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const tags: [string, string][] = [];
  const fields: [string, FieldValue][] = [];
  for (let at = 0; at < words.length; at += 3) {
    const [kind = '', key = '', value = ''] = words.slice(at, at + 3);
    if (kind === 'tag') tags.push([parseText(key), parseText(value)]);
    else fields.push([parseText(key), parseField(kind, value)]);
  }
  return {
    name: parseText(name),
    time: BigInt(time),
    tags: Object.fromEntries(tags),
    fields: Object.fromEntries(fields),
  };
}

const parseText = (json: string): string => String(JSON.parse(json));

function parseField(type: string, text: string): FieldValue {
  switch (type) {
    case 'int64':
      return BigInt(text);
    case 'float64':
      return text.endsWith('Inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
    case 'bool':
      return text === 'true';
    case 'string':
      return parseText(text);
    default:
      throw new UdfError('internal', `Kapacitor shows a field of the unknown type ${type}`);
  }
}

const namedEntities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };

/** Kapacitor writes details as HTML. */
function unescapeHtml(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|(amp|lt|gt|quot));/g, (_, code: string | undefined, name: string) =>
    code === undefined ? namedEntities[name]! : String.fromCodePoint(Number(code)),
  );
}

/** The number of points that a node emitted: what its successors received, or without any, what it received. */
export function countOf(task: Task, number: number): number {
  const name = nodeName(task, number);
  if (name === undefined) return 0;
  const edge = new RegExp(`^\\s*${name} -> .*processed="(\\d+)"`, 'gm');
  const processed = [...task.dot.matchAll(edge)].map(([, count]) => Number(count));
  return processed.length > 0 ? Math.max(...processed) : (nodeStats(task)[name]?.collected ?? 0);
}

/** A message for each node that was sent points and has taken none: a UDF whose host does not answer. */
export function stalledNodes(task: Task): string[] {
  const nodes = nodeStats(task);
  return [...task.dot.matchAll(/^\s*\S+ -> (\S+) .*processed="(\d+)"/gm)].flatMap(([, name, count]) => {
    if (name === undefined || Number(count) === 0 || nodes[name]?.collected !== 0) return [];
    return [
      `${name} has taken none of its points: does the host of its UDF run? kapacitor-udf check shows whether it does`,
    ];
  });
}

const triggered = { OK: 'oks', INFO: 'infos', WARNING: 'warns', CRITICAL: 'crits' } as const;

/** The number of alerts of a level, over all alert nodes. */
export function triggeredOf(task: Task, level: Level): number {
  return Object.values(nodeStats(task)).reduce(
    (sum, stats) => sum + (stats[`${triggered[level]}_triggered`] ?? 0),
    0,
  );
}

/** The statistics that change only when data moves through a task. */
export function changingStats(task: Task): string {
  return JSON.stringify(nodeStats(task), (key, value: unknown) =>
    key === 'avg_exec_time_ns' ? undefined : value,
  );
}

export function nodeStats(task: Task): Readonly<Record<string, Readonly<Record<string, number>>>> {
  return task.stats?.['node-stats'] ?? {};
}

function nodeName(task: Task, number: number): string | undefined {
  return Object.keys(nodeStats(task)).find((name) => Number(/\d+$/.exec(name)?.[0]) === number);
}
