import type { Line } from './lines.js';
import { sleep } from './sleep.js';

/** Data sets: an ADSL router, and the meters of a household. */
export const generatorNames = ['adsl', 'meters'] as const;
export type GeneratorName = (typeof generatorNames)[number];

/** A line of line protocol and its time in nanoseconds. */
export interface GeneratedPoint {
  readonly line: string;
  readonly time: bigint;
}

interface SeriesOptions {
  /** Equal seeds generate equal data. */
  readonly seed: number;
  /** Time of the first point and time between points, in nanoseconds. */
  readonly start: bigint;
  readonly interval: bigint;
}

const second = 1_000_000_000n;
const day = 86_400n * second;
const hourNanoseconds = 3.6e12;

/** 2018-01-03, the day of edgeDetect's bundled recording. */
const recordingStart = 1_514_937_600n * second;
const defaultPoints = 1000;
const maxWaitMs = 60_000;

/** The router's polling interval is that of the recording. */
const intervals: Readonly<Record<GeneratorName, bigint>> = { adsl: 90n * second, meters: 60n * second };

export interface GeneratorOptions {
  readonly seed: number;
  /** Max lines; 1000 by default, unlimited if `live`. */
  readonly points: number | undefined;
  /** Generate the past at once, then continue in real time. */
  readonly live: boolean;
  readonly signal: AbortSignal;
}

/**
 * Generates deterministic lines. Live data begin at midnight (UTC) of yesterday: restarted on the same day, it generates
 * the same points, which a database stores once.
 */
export async function* generatedLines(
  name: GeneratorName,
  { seed, points, live, signal }: GeneratorOptions,
): AsyncGenerator<Line> {
  const now = (): bigint => BigInt(Date.now()) * 1_000_000n;
  const start = live ? (now() / day - 1n) * day : recordingStart;
  const maxPoints = points ?? (live ? Infinity : defaultPoints);
  let number = 0;
  for (const { line, time } of generatePoints(name, { seed, start, interval: intervals[name] })) {
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
  return name === 'adsl' ? adslPoints(options) : meterPoints(options);
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
function* meterPoints({ seed, start, interval }: SeriesOptions): Generator<GeneratedPoint> {
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

/** A deterministic generator of numbers in [0, 1): S. Vigna's SplitMix, in 32 bits. */
function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0_aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a_2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000;
  };
}
