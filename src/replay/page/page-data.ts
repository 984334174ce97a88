import type { FieldValue } from '../../model/values.js';

/** A point as the page shows it, whatever it was read from. */
export interface PagePoint {
  readonly time: bigint;
  readonly group: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/**
 * What the page's script draws: plain JSON, by columns. A value is as JavaScript shows it; a number that JSON cannot
 * hold (an integer beyond 2^53, NaN, an infinity) is its text, and `kind` tells it from a state.
 */
export interface PageData {
  readonly title: string;
  readonly groups: readonly PageGroup[];
}

export interface PageGroup {
  readonly name: string;
  readonly input: PageSeries;
  readonly emitted: PageSeries;
}

export interface PageSeries {
  /** Nanoseconds in decimal: exact, which a number would not be. Ascending. */
  readonly times: readonly string[];
  readonly fields: Readonly<Record<string, PageField>>;
}

export interface PageField {
  /** `number` is drawn as a line, `state` (texts, booleans, or a mixture) as coloured bands. */
  readonly kind: 'number' | 'state';
  /** One for each time, null where the point has no such field. */
  readonly values: readonly (number | string | null)[];
}

/** Sorts points into groups and columns. */
export function pageData(title: string, input: Iterable<PagePoint>, emitted: Iterable<PagePoint>): PageData {
  const inputs = byGroup(input);
  const outputs = byGroup(emitted);
  const names = [...new Set([...inputs.keys(), ...outputs.keys()])].sort();
  return {
    title,
    groups: names.map((name) => ({
      name,
      input: series(inputs.get(name) ?? []),
      emitted: series(outputs.get(name) ?? []),
    })),
  };
}

function byGroup(points: Iterable<PagePoint>): Map<string, PagePoint[]> {
  const groups = new Map<string, PagePoint[]>();
  for (const point of points) {
    const group = groups.get(point.group);
    if (group) group.push(point);
    else groups.set(point.group, [point]);
  }
  return groups;
}

function series(points: readonly PagePoint[]): PageSeries {
  const sorted = [...points].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  const names = new Set(sorted.flatMap(({ fields }) => Object.keys(fields)));
  const fields = Array.from(names, (name): [string, PageField] => {
    const values = sorted.map(({ fields }) => (Object.hasOwn(fields, name) ? fields[name]! : null));
    const isNumber = values.every(
      (value) => value === null || typeof value === 'number' || typeof value === 'bigint',
    );
    return [name, { kind: isNumber ? 'number' : 'state', values: values.map(shown) }];
  });
  return { times: sorted.map(({ time }) => String(time)), fields: Object.fromEntries(fields) };
}

function shown(value: FieldValue | null): number | string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) return Number(value);
  return value === null ? null : String(value);
}
