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
export async function holdGroups({ address, options, shape, passes }) {
  await held?.finish();
  const [block] = blocksOf(shape);
  held = await Connection.open(address, options);
  const { points } = await feed(held, block, { passes, whole: true });
  await held.keepalive();
  return { points: points / passes };
}

/** Takes a snapshot of what is held, keepalives meanwhile. */
export async function snapshot() {
  const start = performance.now();
  const answer = held.request({ snapshot: {} });
  const keepalives = keepalivesUntil(answer);
  taken = Buffer.from((await answer).snapshot);
  const milliseconds = performance.now() - start;
  return { milliseconds, bytes: taken.length, keepalives: await keepalives };
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
  const keepalives = keepalivesUntil(answer);
  const { success, error } = await answer;
  const milliseconds = performance.now() - start;
  const { before, behind } = await keepalives;
  if (!success) throw new Error(`restore was refused: ${error}`);
  const { snapshot: again } = await held.request({ snapshot: {} });
  // Not to the byte: V8 may write the same number in one of two ways.
  if (Math.abs(again.length - taken.length) > taken.length / 1000) {
    throw new Error(`restored from ${taken.length} bytes, a snapshot has ${again.length}`);
  }
  await held.finish();
  held = undefined;
  return { milliseconds, maxKeepaliveBytes: Math.max(before, behind) };
}

/**
 * Sends keepalives until there is an answer to something else. The milliseconds that the slowest took of those answered
 * before it, and of those that stand behind its bytes.
 */
async function keepalivesUntil(answer) {
  let answered = false;
  const done = () => (answered = true);
  answer.then(done, done);
  const longest = { before: 0, behind: 0 };
  const sent = [];
  while (!answered) {
    const wait = held.keepalive().then((milliseconds) => {
      const which = answered ? 'behind' : 'before';
      longest[which] = Math.max(longest[which], milliseconds);
    });
    sent.push(wait);
    await sleep(keepaliveEvery);
  }
  await Promise.all(sent);
  return longest;
}
