// Emits by the way that the first argument names, to a peer that reads as the second one says. Prints the growth of the
// process's memory and how the connection ended, as JSON.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

const [, , way, reading] = process.argv;
const dist = new URL('../../../dist/', import.meta.url);
const load = (path) => import(new URL(path, dist).href);
const { defineUdf, createPoint, createBatch } = await load('src/index.js');
const { createAgent } = await load('src/agent/agent.js');
const { createKapacitorPeer } = await load('src/peer/kapacitor-peer.js');
const { memoryTransportPair } = await load('src/transport/memory-transport.js');

const MiB = 1024 * 1024;
/** Bytes that each way tries to emit in all. */
const total = 160 * MiB;
const nothing = () => undefined;
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => logger };

const create = (bytes) =>
  createPoint({ time: 1n, name: 'm', fields: { text: 'x'.repeat(Math.max(0, bytes - 30)) } });
const count = (bytes) => Math.ceil(total / bytes);

/** A handler by the name of its way to emit. */
const ways = {
  sync(_point, { emit }) {
    for (let sent = count(100); sent > 0; sent--) emit(create(100));
  },
  /** One point, again and again: it shares its bytes until they are sent. */
  shared(point, { emit }) {
    for (let sent = count(100); sent > 0; sent--) emit(point);
  },
  /** Each emitted point is a small part of the memory that it was built in. */
  async scattered(_point, { emit, drained }) {
    for (let sent = count(6_000); sent > 0; sent--) {
      for (let other = 0; other < 9; other++) create(6_000);
      emit(create(6_000));
      await null;
    }
    await drained();
  },
  async microtasks(_point, { emit }) {
    for (let sent = count(60); sent > 0; sent--) {
      emit(create(60));
      await null;
    }
  },
  async resolved(point, { emit }) {
    for (let sent = count(100); sent > 0; sent--) {
      emit(point);
      await Promise.resolve();
    }
  },
  async immediate(_point, { emit, signal }) {
    for (let sent = 0; sent < count(1000) && !signal.aborted; sent++) {
      emit(create(1000));
      if (sent % 1000 === 999) await yieldToEventLoop();
    }
  },
  timers(_point, { emit, signal }) {
    const timer = setInterval(() => {
      for (let sent = 0; sent < 10_000; sent++) emit(create(1000));
    }, 1);
    signal.addEventListener('abort', () => clearInterval(timer));
  },
  async drained(_point, { emit, drained }) {
    for (let sent = 0; sent < count(1000); sent++) {
      emit(create(1000));
      if (sent % 1000 === 999) await drained();
    }
  },
  sharedArray: () => Array(count(1000)).fill(create(1000)),
  async promisedArray() {
    await null;
    return Array(count(1000)).fill(create(1000));
  },
  batch(_point, { emit }) {
    emit(createBatch({ name: 'm', time: 1n, points: Array(count(1000)).fill(create(1000)) }));
  },
  batches(_point, { emit }) {
    const batch = createBatch({ name: 'm', time: 1n, points: Array(1000).fill(create(1000)) });
    for (let sent = count(1_000_000); sent > 0; sent--) emit(batch);
  },
  returnedBatches() {
    const batch = createBatch({ name: 'm', time: 1n, points: Array(1000).fill(create(1000)) });
    return Array(count(1_000_000)).fill(batch);
  },
  collected(_point, { emit }) {
    for (let sent = count(1000); sent > 0; sent--) emit(create(1000));
  },
  /** The same received batch, several times. */
  received(batch, { emit }) {
    for (let sent = 0; sent < 1000; sent++) emit(batch);
  },
  stop({ emit }) {
    for (let sent = count(1000); sent > 0; sent--) emit(create(1000));
  },
};

const edges = {
  batch: ['stream', 'batch'],
  batches: ['stream', 'batch'],
  returnedBatches: ['stream', 'batch'],
  collected: ['batch', 'batch'],
  received: ['batch', 'batch'],
};
const [wants, provides] = edges[way] ?? ['stream', 'stream'];
const handlers =
  way === 'stop'
    ? { point: nothing, stop: ways.stop }
    : { [way === 'received' ? 'batch' : 'point']: ways[way] };
const definition = defineUdf({ name: 'emitter', wants, provides, ...handlers });

const [near, far] = memoryTransportPair();
const agent = createAgent({ definition, transport: far, logger });
const kapacitor = createKapacitorPeer(near, { keepaliveTimeoutMs: 0, writes: 'coalesced' });
await kapacitor.init();
// The peer keeps what it reads; what it would read is thrown away here instead, and is not part of the measurement.
const input = near.input;
input.removeAllListeners('data');
if (reading === 'never') input.pause();
else input.on('data', nothing).resume();
global.gc();
const { rss } = process.memoryUsage();

const text = 'x'.repeat(970);
if (wants === 'batch') {
  const points = Array.from({ length: way === 'received' ? 1000 : 1 }, () => ({
    time: 1n,
    fields: { text },
  }));
  kapacitor.batch({ name: 'm', time: 1n, points });
} else kapacitor.point({ time: 1n, name: 'm', fields: { text: 'x'.repeat(70) } });
if (way === 'stop') near.output.end();

/** Until nothing is sent any more. */
let last = -1;
for (let same = 0; same < 20; same++) {
  await new Promise((resolve) => setTimeout(resolve, 5));
  const { bytesOut } = agent.stats;
  if (bytesOut !== last) same = 0;
  last = bytesOut;
}
const { failure, stats } = agent;
process.stdout.write(
  JSON.stringify({
    rssMiB: Math.round(process.resourceUsage().maxRSS / 1024 - rss / MiB),
    sentMiB: Math.round(stats.bytesOut / MiB),
    failure: failure && `${failure.code}: ${failure.message}`,
  }),
);
process.exit(0);
