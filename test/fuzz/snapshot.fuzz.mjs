// Snapshots, as a restore request brings them, through a whole conversation.
import { createAgent } from '../../dist/src/agent/agent.js';
import { createKapacitorPeer } from '../../dist/src/peer/kapacitor-peer.js';
import { memoryTransportPair } from '../../dist/src/transport/memory-transport.js';
import { movingAverage } from '../../dist/udfs/index.js';

const nothing = () => undefined;
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => logger };
const valid = await snapshotOf();

/** The input is changes of a valid snapshot, as its checksums let nothing else through: position and byte in turn. */
export async function fuzz(data) {
  const snapshot = data.length % 2 === 0 ? data : changed(data);
  const { kapacitor, agent } = await connected();
  await kapacitor.restore(snapshot).catch(nothing);
  if (agent.failure?.code === 'internal') throw agent.failure;
  kapacitor.point({ time: 5n, name: 'm', fields: { v: 1 } });
  await kapacitor.stop().catch(nothing);
  if (agent.failure?.code === 'internal') throw agent.failure;
}

function changed(data) {
  const snapshot = Buffer.from(valid);
  for (let at = 0; at + 2 < data.length; at += 3) {
    snapshot[data.readUInt16BE(at) % snapshot.length] = data[at + 2];
  }
  return snapshot;
}

async function connected() {
  const [near, far] = memoryTransportPair();
  const agent = createAgent({ definition: movingAverage, transport: far, logger });
  const kapacitor = createKapacitorPeer(near, { keepaliveTimeoutMs: 0 });
  await kapacitor.init([
    { name: 'field', args: [{ type: 'string', value: 'v' }] },
    { name: 'size', args: [{ type: 'int', value: 3n }] },
  ]);
  return { agent, kapacitor };
}

async function snapshotOf() {
  const { kapacitor } = await connected();
  for (let time = 0n; time < 20n; time++) {
    kapacitor.point({ time, name: 'm', group: `g=${time % 4n}`, fields: { v: Number(time) } });
  }
  const snapshot = await kapacitor.snapshot();
  await kapacitor.stop();
  return snapshot;
}
