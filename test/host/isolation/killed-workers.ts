import { setImmediate as nextTurn } from 'node:timers/promises';
import { setEnvironmentData } from 'node:worker_threads';
import { expect, onTestFinished } from 'vitest';
import type { Limits } from '../../../src/agent/limits.js';
import type { ServedUdf } from '../../../src/host/served-udf.js';
import type { Point, PointInit } from '../../../src/model/point.js';
import { createKapacitorPeer, type KapacitorPeer } from '../../../src/peer/kapacitor-peer.js';
import { type LogLine, memoryLogger } from '../../../src/telemetry/memory-logger.js';
import { memoryTransportPair } from '../../../src/transport/memory-transport.js';
import { isolatedUdfs, plainUdfs } from '../../support/isolated.js';
import { random } from '../../support/random.js';

const module = new URL('modules/killed.mjs', import.meta.url);

/** As `killed.mjs` has them. */
const stepsPerCall = 3;
const firstStopStep = 30_000;

/** See `killed.mjs`. Workers get it when they are created: before the UDFs are loaded. */
const kills = new Int32Array(new SharedArrayBuffer(4 * (firstStopStep + 5)));
setEnvironmentData('kapacitor-udf.kills', kills);

/** A use of a UDF of `killed.mjs`. */
export interface KilledUse {
  readonly udf: string;
  readonly options: string;
  /** Whether the order of output depends on the time of day. */
  readonly hasWallTimers?: boolean;
}

export const killedUses: readonly KilledUse[] = [
  { udf: 'countingLater', options: '.reorder(5s).distinct()' },
  { udf: 'overlapping', options: '.reorder(5s).distinct()' },
  { udf: 'timed', options: '.after(3s).reorder(5s).distinct()' },
  { udf: 'timedLater', options: ".after(3ms).clock('wall').distinct()", hasWallTimers: true },
  { udf: 'counting', options: '' },
  { udf: 'counting', options: '.distinct()' },
  { udf: 'counting', options: '.reorder(5s)' },
  { udf: 'overlapping', options: '' },
  { udf: 'timed', options: '.after(3s)' },
  { udf: 'timedLater', options: '.after(3s).reorder(5s)' },
  { udf: 'timed', options: ".after(3ms).clock('wall').reorder(5s).distinct()", hasWallTimers: true },
];

export const nameOf = ({ udf, options }: KilledUse): string => `${udf}()${options}`;

const second = 1_000_000_000n;

/**
 * Points of five groups, each numbered by its field `n`: some come up to four seconds late, some are repeated, some have a time
 * of the far future, and the time is set back now and then.
 */
function pointsFor(next: () => number, count: number): PointInit[] {
  const points: PointInit[] = [];
  let now = 1_700_000_000n;
  for (let number = 0; number < count; number++) {
    now += next() < 0.02 ? -10_000n : BigInt(Math.floor(next() * 3));
    const late = BigInt(Math.floor(next() * 5));
    const ahead = next() < 0.02 ? 1_000_000n : 0n;
    const host = `h${Math.floor(next() * 5)}`;
    const point = {
      time: (now - late + ahead) * second,
      name: 'cpu',
      group: `host=${host}`,
      dimensions: ['host'],
      tags: { host },
      fields: { n: BigInt(number) },
    };
    points.push(point);
    if (next() < 0.2) points.push(point);
  }
  return points;
}

/** The output of a use, as far as it does not depend on the time of day. */
interface Output {
  readonly points: readonly unknown[];
  readonly timers: Readonly<Record<string, readonly unknown[]>>;
}

function outputOf(emitted: readonly Point[], hasWallTimers: boolean): Output {
  const shown = (point: Point): unknown => [point.time, point.group, point.tags, point.fields];
  if (!hasWallTimers) return { points: emitted.map(shown), timers: {} };
  const timers: Record<string, unknown[]> = {};
  for (const { group, fields } of emitted) {
    if (fields.timer !== undefined) (timers[group] ??= []).push([fields.timer, fields.fired]);
  }
  const points = emitted.filter(({ fields: { timer, left } }) => timer === undefined && left === undefined);
  return { points: points.map(shown), timers };
}

/** How many timers have been set, as output tells. */
const timersSet = (emitted: readonly Point[]): number =>
  new Set(emitted.map(({ fields }) => fields.n).filter((number) => number !== undefined)).size;

const timersFired = (emitted: readonly Point[]): number =>
  emitted.filter(({ fields }) => fields.timer !== undefined).length;

async function streamed(
  udf: ServedUdf,
  { options, hasWallTimers = false }: KilledUse,
  points: readonly PointInit[],
  next: () => number,
): Promise<{ readonly output: Output; readonly deaths: number; readonly log: readonly LogLine[] }> {
  const [transport, other] = memoryTransportPair();
  const log: LogLine[] = [];
  // Internal snapshots come often, so that workers begin with all kinds of states.
  const limits: Partial<Limits> = { journalBytes: 8 * 1024 };
  const agent = udf.connect({ transport, logger: memoryLogger(log), limits });
  onTestFinished(async () => {
    agent.destroy();
    await agent.closed;
  });
  const kapacitor = createKapacitorPeer(other, { answerTimeoutMs: 60_000 });
  await kapacitor.init(options);
  for (let sent = 0; sent < points.length;) {
    const burst = points.slice(sent, (sent += 1 + Math.floor(next() * 40)));
    for (const point of burst) kapacitor.point(point);
    if (next() < 0.1) await kapacitor.snapshot();
    else await nextTurn();
  }
  if (hasWallTimers && !options.includes('reorder')) await allFired(kapacitor);
  const { points: emitted } = await kapacitor.stop();
  await agent.closed;
  const { exit: deaths = 0 } = agent.stats.restarts;
  return { output: outputOf(emitted, hasWallTimers), deaths, log };
}

/** Resolves when each point that was sent has been handled, and its timer has fired. */
async function allFired(kapacitor: KapacitorPeer): Promise<void> {
  await kapacitor.snapshot(); // answered after the points
  while (timersFired(kapacitor.points) < timersSet(kapacitor.points)) await nextTurn();
}

/** Random places of calls, one of them in `stop`, of which no two are close: two deaths in one call are poison, and calls overlap. */
function chooseKills(next: () => number, points: number, count: number): void {
  kills.fill(0);
  const apart = Math.floor(points / count);
  for (let kill = 0; kill < count; kill++) {
    const number = kill * apart + Math.floor(next() * (apart - 10));
    kills[number * stepsPerCall + Math.floor(next() * stepsPerCall)] = 1;
  }
  kills[firstStopStep + Math.floor(next() * 5)] = 1;
}

/** Streams points through a use whose workers end at random steps, and expects the output of one that nothing happens to. */
export async function expectUndisturbed(
  use: KilledUse,
  { seed, points: count, kills: killCount }: { seed: number; points: number; kills: number },
): Promise<void> {
  const points = pointsFor(random(seed), count);
  kills.fill(0);
  const here = await plainUdfs(module);
  const expected = await streamed(here.get(use.udf)!, use, points, random(seed));
  const next = random(seed + 1);
  const isolated = await isolatedUdfs(module);
  chooseKills(next, count, killCount);
  const { output, deaths, log } = await streamed(isolated.get(use.udf)!, use, points, next);
  expect(output.points).toEqual(expected.output.points);
  for (const [group, timers] of Object.entries(output.timers)) {
    const fired = timers.map((_, index) => BigInt(index + 1));
    expect([group, timers.map((timer) => (timer as readonly unknown[])[1])]).toEqual([group, fired]);
    expect(new Set(timers.map((timer) => (timer as readonly unknown[])[0])).size).toBe(timers.length);
  }
  expect(deaths).toBeGreaterThanOrEqual(killCount / 3); // a timer that was never due kills nothing
  expect(log.filter(({ message }) => message.includes('twice'))).toEqual([]);
}
