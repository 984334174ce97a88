import { createPoint, type FieldValue, type Point } from 'kapacitor-udf';
import { decodeHead, type EncodedHead } from './head.js';
import { type FieldLayout, type Layout, none } from './layout.js';
import { aggregateNames, type Options } from './options.js';
import type { Period } from './state.js';
import { totalOf } from './sum.js';
import { spelledZone } from '../shared/zone-names.js';

/** Makes points of periods; `group` is the group's name as Kapacitor formats it. */
export interface Totals {
  /** The point of a closed period, at its start. */
  whole(period: Period, head: EncodedHead, group: string): Point;
  /** The point of an open period whose intervals have got to the second `until`. */
  partial(period: Period, head: EncodedHead, group: string, until: number, isPartial?: boolean): Point;
}

const nanosPerSecond = 1_000_000_000n;
/** The first period that times can be in begins before it. */
const minTime = -(2n ** 63n);

/** Reads an aggregate from a period; `undefined` if no value has come. */
type Read = (period: Period) => FieldValue | undefined;

export function createTotals(options: Options, layout: Layout): Totals {
  const { by, expectedAs, missingAs, partialAs, revisionAs, interval, periodTag, zoneTag } = options;
  const intervalSeconds = interval === undefined ? undefined : Number(interval) / 1e9;
  const unitSeconds = Number(options.unit) / 1e9;
  const tags = { [periodTag]: by, [zoneTag]: spelledZone(options.zone) };

  const outputs = aggregateNames.flatMap((aggregate) =>
    options[aggregate].map(([name, as]) => {
      const field = layout.fields.find((each) => each.name === name)!; // the layout has all fields
      return { as, read: readerOf(aggregate, field, unitSeconds, intervalSeconds) };
    }),
  );
  /** The seconds of a period for which the field that lacks most has values. */
  const covered = ({ cells }: Period): number => {
    let least = Infinity;
    for (const { area, weight, count } of layout.fields) {
      if (intervalSeconds !== undefined) {
        least = Math.min(least, cells[weight === none ? count : weight]! * intervalSeconds);
      } else if (area !== none) least = Math.min(least, cells[area + 2]!);
    }
    return least;
  };

  const pointOf = (
    period: Period,
    encoded: EncodedHead,
    group: string,
    until: number,
    isPartial: boolean,
  ): Point => {
    const { start, end, revision } = period;
    const fields: Record<string, FieldValue> = {};
    for (const { as, read } of outputs) {
      const value = read(period);
      if (value !== undefined && (typeof value !== 'number' || Number.isFinite(value))) fields[as] = value;
    }
    const length = Math.max(0, Math.min(until, end) - start);
    if (intervalSeconds !== undefined) fields[expectedAs] = BigInt(Math.round(length / intervalSeconds));
    if (intervalSeconds !== undefined || layout.previousCells > 0) {
      fields[missingAs] = length > 0 ? Math.max(0, 1 - covered(period) / length) : 0;
    }
    fields[partialAs] = isPartial;
    fields[revisionAs] = BigInt(revision);
    const head = decodeHead(encoded);
    return createPoint({
      ...head,
      group,
      time: timeOf(start),
      tags: { ...head.tags, ...tags },
      fields,
    });
  };
  return {
    whole: (period, head, group) => pointOf(period, head, group, period.end, false),
    partial: (period, head, group, until, isPartial = true) => pointOf(period, head, group, until, isPartial),
  };
}

function timeOf(second: number): bigint {
  const time = BigInt(second) * nanosPerSecond;
  return time < minTime ? minTime : time;
}

function readerOf(
  aggregate: (typeof aggregateNames)[number],
  field: FieldLayout,
  unitSeconds: number,
  intervalSeconds: number | undefined,
): Read {
  const { count, weight, sum, area } = field;
  const share = weight === none ? count : weight;
  switch (aggregate) {
    case 'count':
      return ({ cells }) => BigInt(cells[count]!);
    case 'sum':
      return ({ cells }) => (cells[share] === 0 ? undefined : totalOf(cells, sum));
    case 'mean':
      return ({ cells }) => (cells[share] === 0 ? undefined : Number(totalOf(cells, sum)) / cells[share]!);
    case 'integral':
      if (intervalSeconds !== undefined) {
        const factor = intervalSeconds / unitSeconds;
        return ({ cells }) => (cells[share] === 0 ? undefined : Number(totalOf(cells, sum)) * factor);
      }
      return ({ cells }) =>
        cells[area + 2] === 0 ? undefined : (cells[area]! + cells[area + 1]!) / unitSeconds;
    case 'min':
    case 'max':
    case 'last': {
      const at = field[aggregate];
      return ({ values }) => values?.[at] ?? undefined;
    }
  }
}
