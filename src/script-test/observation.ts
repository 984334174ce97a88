import { parse } from 'node:path';
import type { Series, Task, TopicEvent } from '../kapacitor/types.js';
import type { Fields, FieldValue, Tags } from '../model/values.js';
import { numberTag, type Observed } from './isolated-script.js';
import { alertFields } from './script-edits.js';
import type { Level } from './cases.js';

/** A point that came out of a node. Over HTTP an integer looks like a double. */
export interface SeenPoint {
  readonly name: string;
  readonly tags: Tags;
  readonly fields: Fields;
  readonly time: bigint;
}

export interface SeenAlert {
  readonly level: Level;
  readonly message: string;
  readonly id: string;
  readonly time: bigint;
}

const own: ReadonlySet<string> = new Set([...Object.values(alertFields), numberTag]);

/** The points that an endpoint shows, their times moved back by `offset`. */
export function pointsOf(series: readonly Series[], observed: Observed, offset: bigint): SeenPoint[] {
  return rows(series, observed, offset).map(({ fields, ...point }) => ({
    ...point,
    fields: Object.fromEntries(Object.entries(fields).filter(([name]) => !own.has(name))),
  }));
}

/** The alerts that an alert node's endpoint shows. A batch that alerts carries the alert in each of its points. */
export function alertsOf(series: readonly Series[], observed: Observed, offset: bigint): SeenAlert[] {
  const alerts = rows(series, observed, offset).map(({ fields, time }) => ({
    level: String(fields[alertFields.level]) as Level, // as Kapacitor names them
    message: String(fields[alertFields.message]),
    id: String(fields[alertFields.id]),
    time,
  }));
  const batch = series.some(({ values }) => (values?.length ?? 0) > 1);
  const key = ({ level, message, id }: SeenAlert): string => JSON.stringify([level, message, id]);
  return batch ? [...new Map(alerts.map((alert) => [key(alert), alert])).values()] : alerts;
}

/** What Kapacitor tells of a point in the details of an event. */
interface EventDetails {
  readonly Name: string;
  readonly Tags: Tags | null;
  readonly Fields: Fields;
  readonly Time: string;
}

/** The points that a topic holds, as an endpoint would show them. Details are written as HTML. */
export function seriesOf(events: readonly TopicEvent[]): Series[] {
  const points = events.map(({ state }) => {
    const text = state.details.replaceAll(/&#(\d+);/g, (_, code: string) =>
      String.fromCodePoint(Number(code)),
    );
    return JSON.parse(text.replaceAll('&amp;', '&')) as EventDetails;
  });
  const number = ({ Tags: tags }: EventDetails): number => Number(tags?.[numberTag]);
  return points
    .sort((one, other) => number(one) - number(other))
    .map(({ Name, Tags: tags, Fields: fields, Time }) => ({
      ...{ name: Name, tags: tags ?? {} },
      columns: ['time', ...Object.keys(fields)],
      values: [[Time, ...(Object.values(fields) as (string | number | boolean)[])]], // they come from JSON
    }));
}

/** Alerts in the order of their times. A message may tell the name of the task, which is another one in a test. */
export function told(alerts: readonly SeenAlert[], id: string, task: string): SeenAlert[] {
  const named = (text: string): string => text.replaceAll(id, parse(task).name);
  return alerts
    .map((alert) => ({ ...alert, message: named(alert.message), id: named(alert.id) }))
    .sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0));
}

function rows(series: readonly Series[], { name, tags: added }: Observed, offset: bigint): SeenPoint[] {
  return series.flatMap(({ name: measurement, tags = {}, columns = [], values }) =>
    (values ?? []).map((row) => {
      const cells = columns.map((column, index) => [column, row[index] ?? null] as const);
      const fields = new Map<string, FieldValue>();
      for (const [column, value] of cells) if (column !== 'time' && value !== null) fields.set(column, value);
      return {
        name: name ?? measurement,
        tags: { ...Object.fromEntries(Object.entries(tags).filter(([tag]) => !own.has(tag))), ...added },
        fields: Object.fromEntries(fields),
        time: nanoseconds(String(cells.find(([column]) => column === 'time')?.[1])) - offset,
      };
    }),
  );
}

/** A time in RFC 3339 with up to nine digits behind the point. */
export function nanoseconds(text: string): bigint {
  const [, whole = '', fraction = '', zone = ''] =
    /^(.*?:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  return BigInt(Date.parse(whole + zone)) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}

/** How many points came out of a node: what went to each of those behind it, else what came in. */
export function countOf(task: Task, number: number): number {
  const name = nodeName(task, number);
  if (name === undefined) return 0;
  const edge = new RegExp(`^\\s*${name} -> .*processed="(\\d+)"`, 'gm');
  const passed = [...task.dot.matchAll(edge)].map(([, count]) => Number(count));
  return passed.length > 0 ? Math.max(...passed) : (nodesOf(task)[name]?.collected ?? 0);
}

/**
 * Nodes that have taken nothing of what came to them: a UDF whose host does not answer. Kapacitor waits for it, and says
 * nothing of it.
 */
export function stalledOf(task: Task): string[] {
  const nodes = nodesOf(task);
  return [...task.dot.matchAll(/^\s*\S+ -> (\S+) .*processed="(\d+)"/gm)].flatMap(([, name, count]) => {
    if (name === undefined || Number(count) === 0 || nodes[name]?.collected !== 0) return [];
    return [
      `${name} has taken nothing of what came to it: does the host of its UDF run? kapacitor-udf check tells`,
    ];
  });
}

const triggered = { OK: 'oks', INFO: 'infos', WARNING: 'warns', CRITICAL: 'crits' } as const;

/** How many alerts of a level all alert nodes have triggered. */
export function triggeredOf(task: Task, level: Level): number {
  return Object.values(nodesOf(task)).reduce(
    (sum, stats) => sum + (stats[`${triggered[level]}_triggered`] ?? 0),
    0,
  );
}

/** All figures that change when something happens in a task. */
export function figuresOf(task: Task): string {
  return JSON.stringify(nodesOf(task), (key, value: unknown) =>
    key === 'avg_exec_time_ns' ? undefined : value,
  );
}

export function nodesOf(task: Task): Readonly<Record<string, Readonly<Record<string, number>>>> {
  return task.stats?.['node-stats'] ?? {};
}

function nodeName(task: Task, number: number): string | undefined {
  return Object.keys(nodesOf(task)).find((name) => Number(/\d+$/.exec(name)?.[0]) === number);
}
