import { UdfError } from '../model/errors.js';
import { buildingPoints } from './building.js';
import type { GeneratedPoint, Line } from './lines.js';
import { createRandom } from './random.js';
import { sleep } from './sleep.js';
import { smartMeterPoints } from './smart-meters.js';

/** Data sets: an ADSL router, meters (of a household, or the smart meters of a grid), and the interval data of a building. */
export const generatorNames = ['adsl', 'meters', 'building'] as const;
export type GeneratorName = (typeof generatorNames)[number];

interface SeriesOptions {
  /** Equal seeds generate equal data. */
  readonly seed: number;
  /** Time of the first point and time between points of a series, in nanoseconds. */
  readonly start: bigint;
  readonly interval: bigint;
  /** Smart meters instead of a household's, for `meters`. */
  readonly meters?: number | undefined;
}

const second = 1_000_000_000n;
const day = 86_400n * second;
const hourNanoseconds = 3.6e12;

/** 2018-01-03, the day of edgeDetect's bundled recording. */
const recordingStart = 1_514_937_600n * second;
const defaultPoints = 1000;
const maxWaitMs = 60_000;
/** Max points of smart meters before the present, if `live`. */
const maxPastPoints = 1_000_000;

/** The router's polling interval is that of the recording. */
const intervals: Readonly<Record<GeneratorName, bigint>> = {
  adsl: 90n * second,
  meters: 60n * second,
  building: 900n * second,
};
/** Days of a building before today, if `live`: a whole month, and weeks to forecast from. */
const pastBuildingDays = 62n;

export interface GeneratorOptions {
  readonly seed: number;
  /** Max lines; 1000 by default, unlimited if `live`. */
  readonly points: number | undefined;
  /** Generate the past at once, then continue in real time. */
  readonly live: boolean;
  readonly signal: AbortSignal;
  /** Number of smart meters, for `meters`; a household's meters by default. */
  readonly meters?: number | undefined;
  /** Points per second of all smart meters; one per meter and minute by default. */
  readonly rate?: number | undefined;
}

/**
 * Generates deterministic lines. Live data begin at midnight (UTC) of yesterday, those of a building 62 days before today, those of
 * smart meters later if there would be more than a million points before now: restarted on the same day, it generates the same points, which a database stores once.
 * Throws `usage` for `meters` or `rate` of another data set, and for a rate at which a meter reports less than daily.
 */
export function generatedLines(name: GeneratorName, options: GeneratorOptions): AsyncGenerator<Line> {
  const { seed, points, live, signal, meters } = options;
  const interval = intervalOf(name, options);
  const start = live ? liveStart(name, interval, meters) : recordingStart;
  const maxPoints = points ?? (live ? Infinity : defaultPoints);
  return untilEnd(name, generatePoints(name, { seed, start, interval, meters }), maxPoints, live, signal);
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

function liveStart(name: GeneratorName, interval: bigint, meters: number | undefined): bigint {
  const midnight = (now() / day - (name === 'building' ? pastBuildingDays : 1n)) * day;
  if (meters === undefined) return midnight;
  const start = now() - (interval * BigInt(maxPastPoints)) / BigInt(meters);
  return start > midnight ? start : midnight;
}

function intervalOf(name: GeneratorName, { meters, rate }: GeneratorOptions): bigint {
  if (name !== 'meters' && meters !== undefined) {
    throw new UdfError('usage', `--meters is of --demo meters, not of --demo ${name}`);
  }
  if (rate === undefined) return intervals[name];
  if (meters === undefined)
    throw new UdfError('usage', '--rate is of the demo of --meters, and there is none');
  const nanoseconds = Math.max(1, Math.round((meters / rate) * 1e9));
  if (nanoseconds > Number(day)) {
    throw new UdfError(
      'usage',
      `--rate ${rate} is too low for ${meters} meters, as each reports at least daily; give ${Math.ceil(meters / 864) / 100} or more`,
    );
  }
  return BigInt(nanoseconds);
}

async function* untilEnd(
  name: GeneratorName,
  generated: Generator<GeneratedPoint>,
  maxPoints: number,
  live: boolean,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  let number = 0;
  for (const { line, time } of generated) {
    if (signal.aborted || number++ === maxPoints) return;
    while (live && time > now()) {
      const leftMs = Number((time - now()) / 1_000_000n) + 1;
      if (!(await sleep(Math.min(leftMs, maxWaitMs), signal))) return;
    }
    yield { text: line, time, from: `generated ${name}, line ${number}` };
  }
}

/** Generates points without end, in time order. */
export function generatePoints(name: GeneratorName, options: SeriesOptions): Generator<GeneratedPoint> {
  const { meters } = options;
  if (name === 'adsl') return adslPoints(options);
  if (name === 'building') return buildingPoints(options);
  return meters === undefined ? householdPoints(options) : smartMeterPoints({ ...options, meters });
}

/** Average length of the states, in polls. */
const onlinePolls = 120;
const trainingPolls = 4;
/** Probability that the router goes offline again right after training. */
const flapProbability = 0.25;
const onlineMargin = 9;
const trainingMargin = 4;
const outlierProbability = 0.005;

/**
 * An ADSL router: its state (`adsl_connection`, field `value`), mostly SHOWTIME, and its noise margin in dB (`noise_margin`,
 * field `down`), low while training and with outliers.
 */
function* adslPoints({ seed, start, interval }: SeriesOptions): Generator<GeneratedPoint> {
  const random = createRandom(seed);
  let online = true;
  let pollsLeft = randomPolls(onlinePolls, random());
  for (let time = start; ; time += interval) {
    const state = online ? 'SHOWTIME' : 'TRAINING';
    yield { line: `adsl_connection,host=router1 value="${state}" ${time}`, time };
    const noise = (random() + random() + random() - 1.5) * 1.2;
    const outlier = random() < outlierProbability ? (random() < 0.5 ? -6 : 12) : 0;
    const margin = (online ? onlineMargin : trainingMargin) + noise + outlier;
    yield { line: `noise_margin,host=router1 down=${margin.toFixed(1)} ${time}`, time };
    if (--pollsLeft > 0) continue;
    online = !online;
    const isFlap = online && random() < flapProbability;
    pollsLeft = randomPolls(online && !isFlap ? onlinePolls : trainingPolls, random());
  }
}

/** Exponentially distributed with about this mean, at least 1; `random` is in [0, 1). */
function randomPolls(mean: number, random: number): number {
  return 1 + Math.floor(-Math.log(1 - random) * mean);
}

/** Household meters: electric power in W and energy in Wh, gas and water volumes in litres. Usage follows the time of day. */
function* householdPoints({ seed, start, interval }: SeriesOptions): Generator<GeneratedPoint> {
  const random = createRandom(seed);
  const hours = Number(interval) / hourNanoseconds;
  let energy = 12_345_000 + Math.floor(random() * 1e6);
  let gas = 2_000_000 + Math.floor(random() * 1e6);
  let water = 400_000 + Math.floor(random() * 1e5);
  for (let time = start; ; time += interval) {
    const hour = Number(((time % day) + day) % day) / hourNanoseconds;
    const activity = hour > 6 && hour < 23 ? 1 : 0.2;
    const cooking = (hour > 11.5 && hour < 13) || (hour > 17.5 && hour < 20) ? 1800 * random() : 0;
    const power = 150 + 250 * activity * random() + cooking;
    energy += power * hours;
    gas += 900 * hours * activity * random();
    if (random() < 0.15 * activity) water += Math.floor(random() * 30);
    yield {
      line: `electricity,meter=main power=${power.toFixed(1)},energy=${Math.floor(energy)}i ${time}`,
      time,
    };
    yield { line: `gas,meter=main volume=${Math.floor(gas)}i ${time}`, time };
    yield { line: `water,meter=main volume=${Math.floor(water)}i ${time}`, time };
  }
}
