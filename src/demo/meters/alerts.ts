import { formatDuration } from '../../model/duration.js';
import type { Point } from '../../model/point.js';
import type { DemoHost } from '../demo-host.js';
import type { RecordedPoint } from '../recordings.js';
import { dayAndTime, localTime, runOnPoints, secondsOf } from './run-udf.js';

/** A state of the building that is to be reported. */
export interface Alert {
  readonly kind: 'load' | 'silence' | 'voltage';
  /** Seconds since the epoch. */
  readonly start: number;
  /** Undefined while it lasts. */
  readonly end: number | undefined;
  readonly text: string;
}

export const minVolts = 207;
export const maxVolts = 253;

const overload = ".field('value').above(7500.0).hysteresis(500.0)";
const patience = ".hold(30m).as('state')";
const silence = ".tag('unit').silentAfter(1h)";

const voltage = (above: number): string => `.field('voltage').above(${above}.0).hysteresis(2.0)`;
const voltagePatience = ".hold(10m).as('state')";
const overVoltage = voltage(maxVolts) + voltagePatience;
/** Low is what is at 207 V or below; high again, what is above 209 V. */
const underVoltage = voltage(minVolts + 2) + voltagePatience;

export const loadCalls = [`@edgeDetect()${overload}${patience}`, `@edgeDetect()${silence}`];
export const voltageCalls = [`@edgeDetect()${overVoltage}`, `@edgeDetect()${underVoltage}`];

/** Overloads that last, and silences, by `edgeDetect`. */
export async function findLoadAlerts(host: DemoHost, readings: readonly RecordedPoint[]): Promise<Alert[]> {
  const loads = await runOnPoints(host, 'edgeDetect', overload + patience, readings);
  const silences = await runOnPoints(host, 'edgeDetect', silence, readings);
  return [
    ...alertsOf('load', loads, (point) => point.field('state') === 'high', 'more than 30 kW'),
    ...alertsOf('silence', silences, (point) => point.field('silent') === true, 'no reading'),
  ].sort(byStart);
}

/** Voltages that stay out of the band, by `edgeDetect`. */
export async function findVoltageAlerts(host: DemoHost, volts: readonly RecordedPoint[]): Promise<Alert[]> {
  const high = await runOnPoints(host, 'edgeDetect', overVoltage, volts);
  const low = await runOnPoints(host, 'edgeDetect', underVoltage, volts);
  return [
    ...alertsOf('voltage', high, (point) => point.field('state') === 'high', `above ${maxVolts} V`),
    ...alertsOf('voltage', low, (point) => point.field('state') === 'low', `below ${minVolts} V`),
  ].sort(byStart);
}

function alertsOf(
  kind: Alert['kind'],
  changes: readonly Point[],
  isBad: (point: Point) => boolean,
  text: string,
): Alert[] {
  return changes.flatMap((point, index) => {
    if (!isBad(point)) return [];
    const end = changes[index + 1];
    return [{ kind, start: secondsOf(point.time), end: end && secondsOf(end.time), text }];
  });
}

function byStart(a: Alert, b: Alert): number {
  return a.start - b.start;
}

/** How long an alert lasted, to the minute: `1h30m`. */
export function lasted({ start, end }: Alert): string {
  if (end === undefined) return 'to the end';
  return formatDuration(BigInt(Math.round((end - start) / 60) * 60) * 1_000_000_000n);
}

export function loadAlertsText(alerts: readonly Alert[]): string {
  return [
    `@edgeDetect()${overload}`,
    `  ${patience}`,
    `@edgeDetect()${silence}`,
    'more than 30 kW (7500 Wh an interval) for half an hour, and silence:',
    ...alerts.map(alertLine),
  ].join('\n');
}

export function voltageAlertsText(alerts: readonly Alert[], command: string): string {
  return [
    'The building is on a weak line of a made-up grid, a reading each five minutes:',
    `  kapacitor-udf ${command}`,
    ...[maxVolts, minVolts + 2].flatMap((above) => [
      `@edgeDetect()${voltage(above)}`,
      `  ${voltagePatience}`,
    ]),
    'out of 230 V ± 10 % for ten minutes, in the last week of March:',
    ...alerts.map(alertLine),
  ].join('\n');
}

function alertLine(alert: Alert): string {
  return `  ${localTime(alert.start, dayAndTime).padEnd(17)}  ${alert.text} for ${lasted(alert)}`;
}
