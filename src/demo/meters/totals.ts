import Table from 'cli-table3';
import type { Point } from '../../model/point.js';
import { sparkline } from '../average.js';
import type { DemoHost } from '../demo-host.js';
import type { RecordedPoint } from '../recordings.js';
import { buildingZone } from './building.js';
import { localTime, runOnPoints, secondsOf } from './run-udf.js';

/** The total of a day, a month or an hour, as it was corrected last. */
export interface Total {
  /** Start of the period, seconds since the epoch. */
  readonly start: number;
  readonly kWh: number;
  readonly peakKw: number;
  /** Intervals that the period has. */
  readonly expected: number;
  /** Share of the intervals without a reading. */
  readonly missing: number;
  /** The share as it was when the period closed. */
  readonly missingAtFirst: number;
  /** How often the closed total was corrected. */
  readonly revision: number;
}

export interface Totals {
  readonly days: readonly Total[];
  readonly months: readonly Total[];
}

const aggregates = ".interval(15m).sum('value', 'wh').max('value', 'peak').keep(7d)";

export const totalsCall = `@calendarTotals().by('month').zone('${buildingZone}')`;

/** Totals of a period of the calendar, by `calendarTotals`. */
export async function totalsBy(
  host: DemoHost,
  period: 'hour' | 'day' | 'month',
  readings: readonly RecordedPoint[],
): Promise<Total[]> {
  const options = `.by('${period}').zone('${buildingZone}')${aggregates}`;
  const points = await runOnPoints(host, 'calendarTotals', options, readings);
  const first = new Map<bigint, Point>();
  const last = new Map<bigint, Point>(); // as a database keeps them: a correction replaces
  for (const point of points) {
    if (!first.has(point.time)) first.set(point.time, point);
    last.set(point.time, point);
  }
  return [...last.values()]
    .map((point) => ({
      start: secondsOf(point.time),
      kWh: Number(point.field('wh')) / 1000,
      peakKw: (Number(point.field('peak')) * 4) / 1000,
      expected: Number(point.field('expected')),
      missing: Number(point.field('missing')),
      missingAtFirst: Number(first.get(point.time)!.field('missing')),
      revision: Number(point.field('revision')),
    }))
    .sort((a, b) => a.start - b.start);
}

export async function computeTotals(host: DemoHost, readings: readonly RecordedPoint[]): Promise<Totals> {
  return { days: await totalsBy(host, 'day', readings), months: await totalsBy(host, 'month', readings) };
}

export const dayName = (day: Total): string => localTime(day.start, 'ccc d LLL');
export const monthName = (month: Total): string => localTime(month.start, 'LLLL yyyy');

/** The total's cells after its name: kWh, peak, intervals, missing, corrections. */
export function totalCells(total: Total): string[] {
  return [
    total.kWh.toFixed(1),
    total.peakKw.toFixed(1),
    String(total.expected),
    percent(total.missing),
    String(total.revision),
  ];
}

export const totalHeads = ['kWh', 'peak kW', 'intervals', 'missing', 'corrections'];

/** Describes the totals that late readings corrected. */
export function describeCorrections({ days }: Totals): string[] {
  return days
    .filter(({ revision }) => revision > 0)
    .map(
      (day) =>
        `${dayName(day)} was ${percent(day.missingAtFirst)} missing when it closed; ` +
        `late readings made it ${percent(day.missing)}.`,
    );
}

export function totalsText(totals: Totals): string {
  const { days, months } = totals;
  const table = new Table({
    head: ['', ...totalHeads],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  const isSpecial = (day: Total): boolean => day.expected !== 96 || day.missing > 0;
  for (const day of days.filter(isSpecial)) table.push([dayName(day), ...totalCells(day)]);
  for (const month of months) table.push([monthName(month), ...totalCells(month)]);
  return [
    totalsCall,
    `  ${aggregates}`,
    'and by day; shown are the days that do not have all of 96 intervals:',
    table.toString(),
    ...describeCorrections(totals),
    `each day: ${sparkline(days.map(({ kWh }) => kWh))}`,
  ].join('\n');
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
