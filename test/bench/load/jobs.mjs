import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tied } from '../clean-up.mjs';
import { blocksOf } from './blocks.mjs';
import { Connection } from './connection.mjs';
import { feed, writePoint } from './feed.mjs';
import { cpuSeconds, residentBytes } from './process-usage.mjs';

/**
 * What an agent is asked to do.
 *
 * @typedef {object} Work
 * @property {import('./connection.mjs').Address} address
 * @property {Record<string, string | number>} options The UDF's, for init.
 * @property {'all' | 'changes' | 'batches'} back What must come back: every point (and batch), a point for each change
 *   of the watched field, or every batch with some points.
 * @property {import('../corpus/shape.mjs').Shape} shape
 * @property {number} [passes] How often to send the points of all groups, where it matters.
 */

/**
 * Sends for so many seconds, half-closes and waits for the last byte: what is counted has gone all the way.
 *
 * With `prelude` the block is sent before the clock starts: for so many seconds, but at least once, so that every group
 * is known and the agent has warmed up.
 *
 * @param {Work & { connections?: number, seconds: number, prelude?: number, twoPieces?: boolean }} work
 */
export async function throughput({ connections = 1, seconds, prelude, twoPieces, ...work }) {
  const { address, options, shape } = work;
  const blocks = blocksOf(shape, connections);
  const open = await Promise.all(blocks.map(() => Connection.open(address, options)));
  const feedAll = (forSeconds, how) => {
    const deadline = performance.now() + forSeconds * 1000;
    const enough = () => performance.now() >= deadline;
    return Promise.all(
      open.map((connection, index) => feed(connection, blocks[index], { enough, twoPieces, ...how(index) })),
    );
  };
  const before = blocks.map(() => ({ passes: 0, units: 0, points: 0 }));
  if (prelude !== undefined) {
    before.splice(0, connections, ...(await feedAll(prelude, () => ({ whole: true }))));
    await Promise.all(open.map((connection) => connection.keepalive()));
  }

  const [{ pid }] = open;
  const cpuBefore = cpuSeconds(pid);
  const ownBefore = process.cpuUsage();
  const start = performance.now();
  const sent = await feedAll(seconds, (index) => ({ from: before[index].passes }));
  let cpuAfter;
  if (!('path' in address)) {
    // A child process is gone after its last byte, and what it used with it.
    await open[0].keepalive();
    cpuAfter = cpuSeconds(pid);
  }
  await Promise.all(open.map((connection) => connection.finish()));
  const elapsed = (performance.now() - start) / 1000;
  cpuAfter ??= cpuSeconds(pid);
  const own = process.cpuUsage(ownBefore);

  open.forEach(({ received }, index) => {
    const units = before[index].units + sent[index].units;
    check(work.back, blocks[index], units, received);
  });
  const points = sum(sent, 'points');
  return {
    pointsPerSecond: points / elapsed,
    bytesPerSecond: sum(sent, 'bytes') / elapsed,
    bytesPerPoint: sum(sent, 'bytes') / points,
    cpuPerMillion: ((cpuAfter - cpuBefore) / points) * 1e6,
    agentBusy: (cpuAfter - cpuBefore) / elapsed,
    generatorBusy: (own.user + own.system) / 1e6 / elapsed,
  };
}

function sum(records, key) {
  return records.reduce((total, record) => total + record[key], 0);
}

/** Throws if what came back is not what such a UDF answers to so many points or batches. */
function check(back, block, units, received) {
  const points = units * block.unitPoints;
  const batches = block.unitPoints > 1 ? units : 0;
  const wanted = back === 'all' ? points : back === 'changes' ? block.changes(points) : received.points;
  if (received.points === wanted && received.batches === batches) return;
  throw new Error(
    `of ${points} points in ${batches} batches, ${received.points} in ${received.batches} came back, not ${wanted}`,
  );
}

/**
 * Sends points one by one, each when the one before has come back, in two pieces as Kapacitor does. Returns the
 * microseconds that each took.
 *
 * @param {Work & { count: number }} work
 */
export async function roundTrips({ address, options, shape, count }) {
  const [block] = blocksOf(shape);
  const connection = await Connection.open(address, options);
  const { received } = connection;
  const times = [];
  for (let trip = 0; trip < count; trip++) {
    const unit = trip % block.units;
    if (unit === 0) block.stamp(trip / block.units, block.bytes.length);
    const start = performance.now();
    writePoint(connection, block, unit);
    while (received.points <= trip) await connection.arrived();
    times.push((performance.now() - start) * 1000);
  }
  await connection.finish();
  return times;
}

/**
 * Starts an agent, and returns the milliseconds from then until it has answered its first info.
 *
 * @param {{ command: string, args: string[], path?: string }} work
 */
export async function startUp({ command, args, path }) {
  const start = performance.now();
  if (path === undefined) {
    const connection = await Connection.connect({ command, args });
    await connection.request({ info: {} });
    const elapsed = performance.now() - start;
    await connection.finish();
    return elapsed;
  }
  const agent = tied(spawn(command, args, { stdio: 'ignore' }));
  const connection = await connectTo({ path, pid: agent.pid });
  await connection.request({ info: {} });
  const elapsed = performance.now() - start;
  await connection.finish();
  agent.kill();
  await once(agent, 'exit');
  rmSync(path, { force: true }); // not every agent removes its own
  return elapsed;
}

/** Connects to a socket as soon as somebody listens there. @param {import('./connection.mjs').Address} address */
async function connectTo(address) {
  for (const giveUp = performance.now() + 20_000; ;) {
    try {
      return await Connection.connect(address);
    } catch (reason) {
      if (performance.now() > giveUp) throw reason;
      await sleep(1);
    }
  }
}

/**
 * Sends all that the agent takes and reads nothing, then reads everything. Returns how much was taken and the memory
 * it cost.
 *
 * @param {Work} work
 */
export async function unread({ address, options, shape, back }) {
  const [block] = blocksOf(shape);
  const connection = await Connection.open(address, options);
  const before = residentBytes(connection.pid);
  connection.pause();
  let stalled = false;
  const feeding = feed(connection, block, { passes: 0, enough: () => stalled });
  let most = before;
  let taken = connection.written;
  for (let still = 0; still < 10;) {
    await sleep(100);
    most = Math.max(most, residentBytes(connection.pid));
    still = connection.written === taken ? still + 1 : 0;
    taken = connection.written;
  }
  stalled = true;
  connection.resume();
  const sent = await feeding;
  await connection.finish();
  check(back, block, sent.units, connection.received);
  return { takenBytes: taken, grownBytes: most - before };
}
