import { type ChartPage, readAsset, renderChartPage, writeChartPage } from '../../files/chart-page.js';
import type { Batch } from '../../model/batch.js';
import type { Point } from '../../model/point.js';
import type { FieldValue } from '../../model/values.js';

const assets = new URL('assets/', import.meta.url);

/** Max points of input and of output, for smooth drawing. */
const maxPoints = 100_000;

/** A point as the page shows it. */
export interface PagePoint {
  readonly time: bigint;
  readonly group: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** Contents of the page header. */
export interface PageHead {
  /** The recording's name. */
  readonly title: string;
  /** The UDF's name, or the agent's address. */
  readonly udf: string;
  /** In TICKscript: `.field('value')`. */
  readonly options: string;
  /** For example `17 points in`. */
  readonly counts: readonly string[];
  /** Fields shown first, in order of preference. */
  readonly inputFields: readonly string[];
  readonly emittedFields: readonly string[];
}

/**
 * Input of the page's script: columnar JSON. Numbers that JSON cannot hold (integers beyond 2^53, NaN, infinities) are
 * strings; `kind` distinguishes them from states.
 */
export interface PageData extends PageHead {
  readonly groups: readonly PageGroup[];
}

export interface PageGroup {
  readonly name: string;
  readonly input: PageSeries;
  readonly emitted: PageSeries;
}

export interface PageSeries {
  /** Nanoseconds as decimal strings, since numbers would be rounded. Ascending. */
  readonly times: readonly string[];
  readonly fields: Readonly<Record<string, PageField>>;
}

export interface PageField {
  /** `number` is drawn as a line; `state` (strings, booleans, mixed types) as coloured bands. */
  readonly kind: 'number' | 'state';
  /** One per time; null if the point lacks the field. */
  readonly values: readonly (number | string | null)[];
}

/** Collects the first 100,000 points each of input and output, and writes an HTML file. */
export class Page {
  readonly #input: PagePoint[] = [];
  readonly #emitted: PagePoint[] = [];
  /** Points beyond the limit. */
  omitted = 0;

  input(item: Point | Batch): void {
    this.#keep(this.#input, item);
  }

  emitted(item: Point | Batch): void {
    this.#keep(this.#emitted, item);
  }

  /** Rejects with `invalid_config` if the file cannot be written, which then stays unchanged. */
  async write(path: string, head: PageHead): Promise<void> {
    await writeChartPage(path, pageOf(pageData(head, this.#input, this.#emitted)));
  }

  #keep(points: PagePoint[], item: Point | Batch): void {
    const { group } = item;
    for (const point of 'points' in item ? item.points : [item]) {
      if (points.length >= maxPoints) this.omitted++;
      else points.push({ time: point.time, group, fields: point.fields });
    }
  }
}

/** Arranges points by group and column. */
export function pageData(head: PageHead, input: Iterable<PagePoint>, emitted: Iterable<PagePoint>): PageData {
  const inputs = groupPoints(input);
  const outputs = groupPoints(emitted);
  const names = [...new Set([...inputs.keys(), ...outputs.keys()])].sort();
  return {
    ...head,
    groups: names.map((name) => ({
      name,
      input: buildSeries(inputs.get(name) ?? []),
      emitted: buildSeries(outputs.get(name) ?? []),
    })),
  };
}

/** Renders a self-contained HTML file, with plotting library, styles and data, that opens from disk. */
export function renderPage(data: PageData): string {
  return renderChartPage(pageOf(data));
}

function pageOf(data: PageData): ChartPage {
  return {
    title: `${data.title} · ${data.udf}`,
    body: readAsset(assets, 'page.html'),
    data,
    assets,
  };
}

function groupPoints(points: Iterable<PagePoint>): Map<string, PagePoint[]> {
  const groups = new Map<string, PagePoint[]>();
  for (const point of points) {
    const group = groups.get(point.group);
    if (group) group.push(point);
    else groups.set(point.group, [point]);
  }
  return groups;
}

function buildSeries(points: readonly PagePoint[]): PageSeries {
  const sorted = [...points].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  const names = new Set(sorted.flatMap(({ fields }) => Object.keys(fields)));
  const fields = Array.from(names, (name): [string, PageField] => {
    const values = sorted.map(({ fields }) => (Object.hasOwn(fields, name) ? fields[name]! : null));
    const isNumber = values.every(
      (value) => value === null || typeof value === 'number' || typeof value === 'bigint',
    );
    return [name, { kind: isNumber ? 'number' : 'state', values: values.map(jsonValue) }];
  });
  return { times: sorted.map(({ time }) => String(time)), fields: Object.fromEntries(fields) };
}

function jsonValue(value: FieldValue | null): number | string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) return Number(value);
  return value === null ? null : String(value);
}
