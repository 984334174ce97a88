import type { GeneratedPoint } from './lines.js';
import { randomAt } from './random.js';

const hourSeconds = 3600;
const daySeconds = 86_400;

/** Load at night, and what a workday adds to it at its height, in kW. */
const baseKw = 5;
const officeKw = 18;

/** Numbers the independent streams of random numbers. */
const stream = { day: 0, reading: 1 };

export interface BuildingOptions {
  /** Equal seeds generate equal data. */
  readonly seed: number;
  /** The first point is at or after it, in nanoseconds. */
  readonly start: bigint;
  /** Length of the metered intervals, in nanoseconds. */
  readonly interval: bigint;
}

/**
 * The interval data of an office in line protocol, without end and in time order: measurement `meter`, tag `meter`, fields
 * `kwh` and its mean power `kw`, at the start of each interval. Data of another start are the same where they overlap.
 */
export function* buildingPoints({ seed, start, interval }: BuildingOptions): Generator<GeneratedPoint> {
  const hours = Number(interval) / (hourSeconds * 1e9);
  for (let time = ((start + interval - 1n) / interval) * interval; ; time += interval) {
    const kw = loadAt(seed, Number(time / 1_000_000_000n));
    yield { line: `meter,meter=office kwh=${(kw * hours).toFixed(3)},kw=${kw.toFixed(3)} ${time}`, time };
  }
}

/** In kW. Hours and weekdays are those of UTC. */
function loadAt(seed: number, seconds: number): number {
  const day = Math.floor(seconds / daySeconds);
  const weekday = (((day + 4) % 7) + 7) % 7; // 0 is Sunday
  const fromNoon = ((seconds - day * daySeconds) / hourSeconds - 13) / 6;
  const isWorkday = weekday > 0 && weekday < 6;
  const office = isWorkday ? officeKw * Math.max(0, 1 - fromNoon * fromNoon) : 0;
  const ofDay = 0.8 + 0.3 * randomAt(seed, stream.day, 0, day);
  const ofReading = 0.94 + 0.12 * randomAt(seed, stream.reading, 0, seconds);
  return (baseKw + office * ofDay) * ofReading;
}
