import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { OptionCall } from '../../src/model/option-call.js';
import { random } from '../support/random.js';
import { type Cli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { stream, StreamClient, type StreamResult } from './support/stream-client.js';

const support = (name: string): string => fileURLToPath(new URL(`support/${name}`, import.meta.url));
const isLong = process.env.FAULTS === 'long';

/** A tenth of what the host takes at full speed. */
const pointsPerSecond = 100_000;

const string = (name: string, value: string): OptionCall => ({ name, args: [{ type: 'string', value }] });
const udfs: Readonly<Record<string, readonly OptionCall[]>> = {
  edgeDetect: [string('field', 'state'), string('as', 'now'), string('previousAs', 'before')],
  movingAverage: [string('field', 'value'), { name: 'size', args: [{ type: 'int', value: 10n }] }],
};

interface Run extends StreamResult {
  /** The lines of the log at level `error`. */
  readonly errors: readonly Readonly<Record<string, unknown>>[];
  readonly restarts: Readonly<Record<string, number>>;
  readonly grownMiB: number;
}

const residentMiB = (host: Cli): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${host.process.pid}/status`, 'utf8'))![1]) / 1024;

/** Streams through an isolated UDF whose workers get `faults`, one after the other, at random times. */
async function disturbed(
  udf: string,
  options: readonly OptionCall[],
  faults: readonly string[],
  { seed = 1, minPoints = 300_000, args = [] as readonly string[] } = {},
): Promise<Run> {
  const directory = tempDir();
  const load = ['--load', support('injected.mjs')];
  const host = await serve([udf, '--isolate', ...load, '--socket-dir', directory, ...args], {
    execArgv: ['--import', support('inject-faults.mjs')],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const path = join(directory, `${udf}.sock`);
  const next = random(seed);
  const client = new StreamClient({ path, options, minPoints, pointsPerSecond });
  await host.untilLogged('task started');
  const before = residentMiB(host);
  for (const fault of faults) {
    await new Promise((resolve) => setTimeout(resolve, next() * 100));
    const taken = once(host.process, 'message');
    host.process.send({ fault });
    await taken;
    await client.advanced(); // two faults at one point would be poison
  }
  const result = await client.finish();
  await host.untilLogged('task ended');
  const stats = host.log.find(({ msg }) => msg === 'task ended')!.stats as Pick<Run, 'restarts'>;
  return {
    ...result,
    errors: host.log.filter(({ level }) => level === 'error'),
    restarts: stats.restarts,
    grownMiB: residentMiB(host) - before,
  };
}

/** The same stream through a host without isolation. */
async function undisturbed(udf: string, options: readonly OptionCall[], points: number): Promise<string> {
  const directory = tempDir();
  await serve([udf, '--socket-dir', directory]);
  const path = join(directory, `${udf}.sock`);
  return (await stream({ path, options, minPoints: points, pointsPerSecond: 0 })).digest;
}

/**
 * What the machine adds: the longest delay of a timer in the client. Each measured time passes through at most that many
 * turns of the two processes, whose threads all compete for the processors.
 */
const turns = 5;

describe.each(Object.entries(udfs))('isolated %s, its workers killed at random', (udf, options) => {
  const seeds = isLong ? Array.from({ length: 20 }, (_, seed) => seed) : [1];
  const kills = Array.from({ length: isLong ? 100 : 30 }, () => 'kill');
  test.each(seeds)(
    'emits the same bytes as if undisturbed, without a long stall (seed %i)',
    async (seed) => {
      const minPoints = isLong ? 1_000_000 : 300_000;
      const run = await disturbed(udf, options, kills, { seed, minPoints });
      expect(run.errors.length).toBeGreaterThan(kills.length / 2); // some hit the worker in reserve
      expect(run.errors.length).toBeLessThanOrEqual(kills.length);
      expect(run.restarts).toEqual({ exit: run.errors.length });
      expect(run.others).toEqual(['init']);
      expect(run.keepalives.answered).toBe(run.keepalives.asked);
      process.stderr.write(
        `${udf}: ${run.errors.length} deaths; slowest keepalive ${Math.round(run.keepalives.slowestMs)} ms, ` +
          `longest silence ${Math.round(run.longestSilenceMs)} ms, longest stall ${Math.round(run.longestStallMs)} ms\n`,
      );
      // A worker that starts takes a whole core, and its code is compiled only while it catches up.
      expect(run.longestSilenceMs).toBeLessThan(100 + turns * run.slowestTurnMs);
      // A machine that does other work besides takes several times the figures of docs/isolation.md.
      expect(run.longestStallMs).toBeLessThan(5000 + turns * run.slowestTurnMs);
      expect(run.digest).toBe(await undisturbed(udf, options, run.sent));
    },
    180_000,
  );
});

/**
 * The journal and its spare memory (4 MiB each), the rings of the worker, the one before and the one in reserve (2 MiB each), what
 * their threads take (17 MB each), and the heap of one of them up to `--worker-memory`.
 */
const maxGrownMiB = 2 * 4 + 3 * (2 + 17) + 64;

describe.each([
  ['edgeDetect', 'injectedEdgeDetect'],
  ['movingAverage', 'injectedMovingAverage'],
] as const)('isolated %s, its workers failing within a handler', (udf, injected) => {
  const options = udfs[udf]!;
  test.each([
    ['loop', 'hung', 4, 300, /has not returned from a handler within 300 ms/],
    ['hang', 'hung', 4, 300, /has not returned from a handler within 300 ms/],
    // V8 collects garbage for long before it gives up.
    ['heap', 'memory', 2, 10_000, /took more than 64 MiB of memory/],
    ['buffers', 'memory', 2, 10_000, /took more than 64 MiB of buffers/],
    ['exit', 'exit', 4, 10_000, /called process\.exit\(3\)/],
    ['timer', 'error', 4, 10_000, /has thrown outside a handler: thrown in a timer/],
  ] as const)(
    'emits the same bytes as if undisturbed, and logs and counts each fault once: %s',
    async (fault, cause, count, handlerMs, text) => {
      const faults = Array.from({ length: count }, () => fault);
      const run = await disturbed(injected, options, faults, {
        args: ['--handler-ms', String(handlerMs), '--worker-memory', '64MiB'],
      });
      expect(run.errors).toHaveLength(count);
      for (const line of run.errors) {
        expect(line).toMatchObject({ udf: injected, task: 'task', node: 'node', cause, stage: 'handler' });
        expect(line.msg).toMatch(text);
        expect(line.msg).toMatch(/it is replaced, and the new one continues from its last snapshot$/);
      }
      expect(run.restarts).toEqual({ [cause]: count });
      expect(run.keepalives.answered).toBe(run.keepalives.asked);
      expect(run.grownMiB).toBeLessThan(maxGrownMiB);
      expect(run.digest).toBe(await undisturbed(udf, options, run.sent));
    },
    120_000,
  );
});
