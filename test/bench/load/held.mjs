import { setTimeout as sleep } from 'node:timers/promises';
import { blocksOf } from './blocks.mjs';
import { Connection } from './connection.mjs';
import { encodeRequest } from './control.mjs';
import { feed } from './feed.mjs';

/** Between keepalives, in milliseconds: far more often than Kapacitor, to find the longest wait. */
const keepaliveEvery = 5;

/** The connection whose state is looked at, and the last snapshot of it. */
let held;
let taken;

/**
 * Sends a point of each group on a connection that stays open.
 *
 * @param {import('./jobs.mjs').Work} work
 */
export async function holdGroups({ address, options, shape }) {
  await held?.finish();
  const [block] = blocksOf(shape);
  held = await Connection.open(address, options);
  const { points } = await feed(held, block, {});
  await held.keepalive();
  return { points };
}

/** Takes a snapshot of what is held, keepalives meanwhile. */
export async function snapshot() {
  const start = performance.now();
  const answer = held.request({ snapshot: {} });
  const longestKeepalive = await keepaliveUntil(answer);
  const milliseconds = performance.now() - start;
  taken = Buffer.from((await answer).snapshot);
  return { milliseconds, bytes: taken.length, longestKeepalive };
}

/**
 * Gives the last snapshot to a new connection, keepalives meanwhile, and checks by another snapshot that it took.
 *
 * @param {import('./jobs.mjs').Work} work
 */
export async function restore({ address, options }) {
  await held.finish();
  held = await Connection.open(address, options);
  const request = encodeRequest({ restore: { snapshot: taken } });
  const start = performance.now();
  const answer = held.request(request);
  // A keepalive stands behind the request in the stream, so its wait counts from when the request has gone.
  await held.drained();
  const longestKeepalive = await keepaliveUntil(answer);
  const milliseconds = performance.now() - start;
  const { success, error } = await answer;
  if (!success) throw new Error(`restore was refused: ${error}`);
  const { snapshot: again } = await held.request({ snapshot: {} });
  // Not to the byte: V8 may write the same number in one of two ways.
  if (Math.abs(again.length - taken.length) > taken.length / 1000) {
    throw new Error(`restored from ${taken.length} bytes, a snapshot has ${again.length}`);
  }
  await held.finish();
  held = undefined;
  return { milliseconds, longestKeepalive };
}

/** Sends keepalives until there is an answer; the milliseconds that the slowest took. */
async function keepaliveUntil(answer) {
  let answered = false;
  void answer.finally(() => (answered = true)).catch(() => undefined);
  const waits = [];
  while (!answered) {
    waits.push(held.keepalive());
    await sleep(keepaliveEvery);
  }
  return Math.max(...(await Promise.all(waits)));
}
