import type { GeneratedPoint } from './lines.js';
import { randomAt } from './random.js';

export interface SmartMeterOptions {
  /** Equal seeds generate equal data. */
  readonly seed: number;
  readonly meters: number;
  /** The first point is at or after it, in nanoseconds. */
  readonly start: bigint;
  /** Time between two points of a meter, in nanoseconds. The meters report one after the other, evenly spread over it. */
  readonly interval: bigint;
}

export interface MeterReading {
  /** Volts. */
  readonly voltage: number;
  /** Watts drawn from the grid. */
  readonly power: number;
}

export const metersPerLine = 20;
export const linesPerTransformer = 5;

const nominalVoltage = 230;
const hourSeconds = 3600;
const daySeconds = 86_400;

/** Share of the peak load at each full hour (UTC). */
const workdayLoad = [
  0.35, 0.3, 0.28, 0.27, 0.28, 0.36, 0.56, 0.76, 0.7, 0.58, 0.53, 0.54, 0.6, 0.55, 0.5, 0.52, 0.62, 0.82,
  0.96, 1, 0.94, 0.79, 0.6, 0.44,
];
const weekendLoad = [
  0.42, 0.35, 0.31, 0.29, 0.28, 0.3, 0.36, 0.47, 0.62, 0.74, 0.8, 0.84, 0.88, 0.8, 0.7, 0.66, 0.7, 0.8, 0.88,
  0.92, 0.88, 0.78, 0.64, 0.5,
];

/** Numbers the independent streams of random numbers. */
const stream = {
  tap: 0,
  transformerNoise: 1,
  lineDrop: 2,
  hasSolar: 3,
  solarRise: 4,
  usage: 5,
  meterNoise: 6,
  powerNoise: 7,
  clouds: 8,
  overVoltage: 9,
  underVoltage: 10,
  silence: 11,
};

/** A kind of fault: at most one in each window of a transformer, line or meter. */
interface FaultKind {
  readonly stream: number;
  /** That a window has one. */
  readonly probability: number;
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

const faultWindowSeconds = 21_600;
/** A transformer's tap changer is stuck too high. */
const overVoltage: FaultKind = {
  stream: stream.overVoltage,
  probability: 0.05,
  minSeconds: 1200,
  maxSeconds: 4800,
};
/** A bad joint of a line: the farther a meter is, the lower its voltage. */
const underVoltage: FaultKind = {
  stream: stream.underVoltage,
  probability: 0.03,
  minSeconds: 1200,
  maxSeconds: 4800,
};
/** A meter reports nothing. */
const silence: FaultKind = {
  stream: stream.silence,
  probability: 0.005,
  minSeconds: 1800,
  maxSeconds: 10_800,
};

/** Time between two support points of a transformer's noise. */
const transformerNoiseSeconds = 900;

/**
 * A low-voltage grid of 230 V: meters along lines, lines from transformers. Voltage falls along a line with the load, which
 * follows the hour and the day of the week (UTC), and rises at midday where roofs feed in. Every reading is a function of
 * seed, meter and time alone.
 */
export class SmartMeterGrid {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /**
   * The reading of a meter, counted from 0; `undefined` while it is silent. `seconds` is the time since the epoch, and
   * `round` numbers the readings of a meter: it selects the noise.
   */
  read(meter: number, seconds: number, round: number): MeterReading | undefined {
    if (this.#hasFault(silence, meter, seconds)) return undefined;
    const line = Math.floor(meter / metersPerLine);
    const transformer = Math.floor(line / linesPerTransformer);
    const position = ((meter % metersPerLine) + 1) / metersPerLine;
    const load = loadAt(seconds);
    const sun = this.#sunAt(seconds);

    const tap = 1.015 + 0.03 * this.#constant(stream.tap, transformer);
    const sag = 0.02 * load + this.#weakness(stream.lineDrop, line) * position * load;
    const hasSolar = this.#constant(stream.hasSolar, line) < 0.4;
    const rise = hasSolar ? this.#weakness(stream.solarRise, line) * position * sun : 0;
    const fault =
      (this.#hasFault(overVoltage, transformer, seconds) ? 0.09 : 0) -
      (this.#hasFault(underVoltage, line, seconds) ? 0.12 + 0.03 * position : 0);
    const noise =
      0.012 * (this.#transformerNoise(transformer, seconds) - 0.5) +
      0.006 * (this.#random(stream.meterNoise, meter, round) - 0.5);
    const usage = 200 + 1300 * this.#constant(stream.usage, meter);
    return {
      voltage: nominalVoltage * (tap - sag + rise + fault + noise),
      power: usage * load * (0.4 + 1.2 * this.#random(stream.powerNoise, meter, round)),
    };
  }

  #random(kind: number, index: number, time: number): number {
    return randomAt(this.#seed, kind, index, time);
  }

  /** A property of a transformer, line or meter that never changes. */
  #constant(kind: number, index: number): number {
    return this.#random(kind, index, 0);
  }

  /** How far voltage falls or rises at the end of a line: little on most, out of the band of 10 % on the weakest. */
  #weakness(kind: number, line: number): number {
    return 0.02 + 0.1 * this.#constant(kind, line) ** 2;
  }

  #hasFault(
    { stream, probability, minSeconds, maxSeconds }: FaultKind,
    index: number,
    seconds: number,
  ): boolean {
    const window = Math.floor(seconds / faultWindowSeconds);
    const chance = this.#random(stream, index, 3 * window);
    if (chance >= probability) return false;
    const length = minSeconds + (maxSeconds - minSeconds) * this.#random(stream, index, 3 * window + 1);
    const start = (faultWindowSeconds - length) * this.#random(stream, index, 3 * window + 2);
    const into = seconds - window * faultWindowSeconds - start;
    return into >= 0 && into < length;
  }

  /** In [0, 1), without jumps. */
  #transformerNoise(transformer: number, seconds: number): number {
    const at = seconds / transformerNoiseSeconds;
    const before = Math.floor(at);
    const from = this.#random(stream.transformerNoise, transformer, before);
    const to = this.#random(stream.transformerNoise, transformer, before + 1);
    return from + (to - from) * (at - before);
  }

  /** Share of the full sun, between 6 and 18 o'clock, less on cloudy days. */
  #sunAt(seconds: number): number {
    const day = Math.floor(seconds / daySeconds);
    const fromNoon = ((seconds - day * daySeconds) / hourSeconds - 12) / 6;
    if (fromNoon <= -1 || fromNoon >= 1) return 0;
    return (1 - fromNoon * fromNoon) * (0.3 + 0.7 * this.#random(stream.clouds, 0, day));
  }
}

/** Interpolates between the full hours; the epoch was a Thursday. */
function loadAt(seconds: number): number {
  const hour = seconds / hourSeconds;
  const before = Math.floor(hour);
  const from = hourLoad(before);
  return from + (hourLoad(before + 1) - from) * (hour - before);
}

function hourLoad(hour: number): number {
  const day = Math.floor(hour / 24);
  const weekday = (((day + 4) % 7) + 7) % 7; // 0 is Sunday
  const shape = weekday === 0 || weekday === 6 ? weekendLoad : workdayLoad;
  return shape[hour - day * 24]!; // 24 entries
}

/**
 * The readings of smart meters in line protocol, without end and in time order: measurement `electricity`, tags `meter`,
 * `transformer` and `line`, fields `voltage` in V and `power` in W. Data of another start are the same where they overlap.
 */
export function* smartMeterPoints(options: SmartMeterOptions): Generator<GeneratedPoint> {
  const { seed, meters, start, interval } = options;
  const grid = new SmartMeterGrid(seed);
  const series = Array.from({ length: meters }, (_, meter) => `electricity,${tagsOf(meter)} voltage=`);
  const spacing = Number(interval) / meters;
  const firstRound = start / interval - (start % interval < 0n ? 1n : 0n);
  for (
    let round = Number(firstRound), roundStart = firstRound * interval;
    ;
    round++, roundStart += interval
  ) {
    for (let meter = 0; meter < meters; meter++) {
      const time = roundStart + BigInt(Math.floor(meter * spacing));
      if (time < start) continue;
      const reading = grid.read(meter, Number(time) / 1e9, round);
      if (!reading) continue;
      const { voltage, power } = reading;
      yield { line: `${series[meter]!}${voltage.toFixed(1)},power=${power.toFixed(1)} ${time}`, time };
    }
  }
}

function tagsOf(meter: number): string {
  const line = Math.floor(meter / metersPerLine);
  const transformer = `t${number(Math.floor(line / linesPerTransformer) + 1, 3)}`;
  const tags = [
    `line=${transformer}-${(line % linesPerTransformer) + 1}`,
    `meter=m${number(meter + 1, 5)}`,
    `transformer=${transformer}`,
  ];
  return tags.join(',');
}

function number(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
