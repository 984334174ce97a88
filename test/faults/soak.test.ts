import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Cli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { StreamClient } from './support/stream-client.js';

/** Ten minutes in the long run. */
const seconds = process.env.FAULTS === 'long' ? 600 : 20;
const samplesPerSecond = 4;

/** What is compared: the median of the second and of the last quarter, so that the first one is warm-up. */
const windows = 4;

const median = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)]!;

function resources(host: Cli): { memoryMiB: number; descriptors: number } {
  const { pid } = host.process;
  const kibibytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
  return { memoryMiB: kibibytes / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

test.each([
  ['plain', []],
  ['isolated', ['--isolate']],
] as const)(
  `a host at a tenth of full speed stays as it is: ${String(seconds)} s, %s`,
  async (_name, args) => {
    const directory = tempDir();
    const host = await serve(['edgeDetect', ...args, '--socket-dir', directory]);
    const client = new StreamClient({
      path: join(directory, 'edgeDetect.sock'),
      options: [{ name: 'field', args: [{ type: 'string', value: 'state' }] }],
      minPoints: 0,
      pointsPerSecond: 100_000,
    });
    await host.untilLogged('task started');
    const samples: ReturnType<typeof resources>[] = [];
    while (samples.length < seconds * samplesPerSecond) {
      await new Promise((resolve) => setTimeout(resolve, 1000 / samplesPerSecond));
      samples.push(resources(host));
    }
    const { keepalives, sent, points, slowestTurnMs } = await client.finish();
    const size = samples.length / windows;
    const early = samples.slice(size, 2 * size);
    const late = samples.slice(-size);
    const memory = [early, late].map((window) => median(window.map(({ memoryMiB }) => memoryMiB)));
    const descriptors = [early, late].map((window) => median(window.map((sample) => sample.descriptors)));
    console.log(
      `${String(sent)} points; resident ${memory.map(Math.round).join(' then ')} MiB, ` +
        `descriptors ${descriptors.join(' then ')}; ` +
        `slowest keepalive ${keepalives.slowestMs.toFixed(0)} ms, slowest turn ${slowestTurnMs.toFixed(0)} ms`,
    );
    expect(keepalives.answered).toBe(keepalives.asked);
    expect(keepalives.slowestMs).toBeLessThan(100 + 5 * slowestTurnMs);
    expect(points).toBeGreaterThan(sent / 20);
    // V8 sizes its young generation as it likes; a leak of 10 bytes a point would be 570 MiB in the long run.
    expect(memory[1]! - memory[0]!).toBeLessThan(24);
    expect(descriptors[1]).toBe(descriptors[0]); // a file that is read for a moment is no leak
    expect(host.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    expect((await host.stop()).code).toBe(0);
  },
  seconds * 1000 + 60_000,
);
