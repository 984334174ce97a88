/**
 * What many groups with a timer of the wall clock each cost, in one process: setting, snapshot, restore and firing, with the
 * longest time that the event loop was kept from a keepalive.
 *
 *   node test/bench/timers.mjs [--groups N] [--plain] [--root DIR]
 *
 * `--plain`: the same UDF without timers, to compare with.
 */
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createBlock } from './corpus/block.mjs';
import { defaultShape } from './corpus/shape.mjs';

const { values } = parseArgs({
  options: {
    groups: { type: 'string', default: '1000000' },
    plain: { type: 'boolean', default: false },
    root: { type: 'string', default: fileURLToPath(new URL('../../', import.meta.url)) },
  },
});
const load = (path) => import(pathToFileURL(join(values.root, 'dist/src', path)).href);
const { tuneV8 } = await load('host/tune-v8.js');
tuneV8(); // as every command does
const { defineUdf } = await load('index.js');
const { createAgent } = await load('agent/agent.js');
const { encodeTick } = await load('agent/timers/tick.js');
const { DrivenClock } = await load('agent/timers/wall-clock.js');
const { createKapacitorPeer } = await load('peer/kapacitor-peer.js');
const { memoryTransportPair } = await load('transport/memory-transport.js');

const nothing = () => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silent };
const groups = Number(values.groups);
const silence = defineUdf({
  name: 'silence',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ isSilent: false }),
  point(_point, { state, timers }) {
    state.isSilent = false;
    if (!values.plain) timers.set('silence', { after: '5m', clock: 'wall' });
  },
  ...(!values.plain && {
    timer(_timer, { state, newPoint }) {
      state.isSilent = true;
      return newPoint({ alive: false });
    },
  }),
});

/** A clock that a tick moves by a second each time, so that the timers of a second are due together. */
const clock = new DrivenClock(0n);
const second = 1_000_000_000n;

async function open() {
  const [agentSide, side] = memoryTransportPair();
  const agent = createAgent({ definition: silence, transport: agentSide, logger: silent, clock });
  const peer = createKapacitorPeer(side, {
    keepaliveTimeoutMs: 0,
    answerTimeoutMs: 3_600_000,
    onPoint: nothing,
  });
  await peer.init();
  return { agent, peer, side };
}

/** Runs `work`, and prints its time, and the longest time between two turns of the event loop. */
async function measured(what, work) {
  globalThis.gc?.();
  let last = performance.now();
  let longest = 0;
  const interval = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  longest = Math.max(longest, performance.now() - last);
  clearInterval(interval);
  const heap = process.memoryUsage().heapUsed / 2 ** 20;
  console.log(
    `${what.padEnd(10)} ${seconds.toFixed(2).padStart(7)} s, event loop blocked for ${longest.toFixed(0)} ms at most, heap ${heap.toFixed(0)} MiB`,
  );
  return result;
}

const block = createBlock({ ...defaultShape, groups }, 1);
const first = await open();
await measured('set', async () => {
  const { bytes } = block;
  for (let at = 0; at < bytes.length; at += 65_536) {
    if (!first.side.output.write(bytes.subarray(at, at + 65_536))) {
      await new Promise((resolve) => first.side.output.once('drain', resolve));
    }
  }
  await first.peer.info();
});
const snapshot = await measured('snapshot', () => first.peer.snapshot());
console.log(`           ${(snapshot.length / groups).toFixed(0)} bytes a group`);
const second_ = await open();
await measured('restore', () => second_.peer.restore(snapshot));
if (!values.plain) {
  for (const [what, { side, peer, agent }] of [
    ['fire', first],
    ['fire after restore', second_],
  ]) {
    await measured(what, async () => {
      side.output.write(encodeTick({ time: 600n * second, drops: false }));
      await peer.info();
    });
    if (agent.stats.pointsOut !== groups) throw new Error(`${agent.stats.pointsOut} timers have fired`);
  }
}
process.exit(0);
