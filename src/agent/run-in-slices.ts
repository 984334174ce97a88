import { promisify } from 'node:util';
import type { MaybePromise } from './interface.js';
import type { Output } from './output.js';
import { maxSliceMs } from './state/time-slice.js';

/** Items that are handled between two checks of the elapsed time. */
const itemsPerCheck = 32;

const yieldToEventLoop = promisify(setImmediate);

/**
 * Handles items one after another until `next` returns none, or the connection closes. Waits for async handlers and for
 * blocked output, and yields to the event loop, so that keepalives are answered. Throws, or rejects with, what a handler does.
 */
export function runInSlices<Item>(
  next: () => Item | undefined,
  handle: (item: Item) => MaybePromise,
  connection: { readonly output: Output; readonly signal: AbortSignal },
): MaybePromise {
  const { output, signal } = connection;
  const proceed = (): MaybePromise => runInSlices(next, handle, connection);
  let pauseAt = 0;
  for (let handled = 0; !signal.aborted; handled++) {
    const item = next();
    if (item === undefined) return undefined;
    const called = handle(item);
    if (called) return called.then(proceed);
    if (output.blocked) return output.unblocked(signal).then(proceed);
    if (handled % itemsPerCheck !== 0) continue;
    const now = performance.now();
    if (pauseAt === 0) pauseAt = now + maxSliceMs;
    else if (now >= pauseAt) return yieldToEventLoop().then(proceed);
  }
  return undefined;
}
