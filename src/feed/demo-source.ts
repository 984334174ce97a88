import { setTimeout as wait } from 'node:timers/promises';
import { demoLines, type DemoName } from './demo.js';
import type { Line } from './line.js';

export type { DemoName } from './demo.js';

const second = 1_000_000_000n;
const day = 86_400n * second;
const maxWaitMs = 60_000;

/** How often each demo has points: the router is polled as the one in the story was. */
const intervals: Readonly<Record<DemoName, bigint>> = { adsl: 90n * second, meters: 60n * second };

/** 2018-01-03, the day of the recording that the project began with. */
const storyStart = 1_514_937_600n * second;
const defaultPoints = 1000;

export interface DemoSourceOptions {
  readonly seed: number;
  /** How many lines; without it a thousand, or live no end. */
  readonly points: number | undefined;
  /** Up to now, and then on as time goes. */
  readonly live: boolean;
  readonly signal: AbortSignal;
}

/**
 * Made-up data. Live, it begins at midnight (UTC) a day ago: started again on the same day it makes the same points, which
 * a database stores once.
 */
export async function* demoSource(
  name: DemoName,
  { seed, points, live, signal }: DemoSourceOptions,
): AsyncGenerator<Line> {
  const now = (): bigint => BigInt(Date.now()) * 1_000_000n;
  const start = live ? (now() / day - 1n) * day : storyStart;
  const most = points ?? (live ? Infinity : defaultPoints);
  let number = 0;
  for (const { line, time } of demoLines(name, { seed, start, interval: intervals[name] })) {
    if (number++ === most) return;
    while (live && time > now()) {
      const leftMs = Number((time - now()) / 1_000_000n) + 1;
      await wait(Math.min(leftMs, maxWaitMs), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
    yield { text: line, time, from: `demo ${name}, line ${number}` };
  }
}
