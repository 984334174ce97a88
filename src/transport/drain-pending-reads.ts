import { setImmediate as nextTurn } from 'node:timers/promises';

/** Max time to keep reading at shutdown while Kapacitor still writes. */
const maxWaitMs = 250;

/**
 * Waits until sockets have read what is in the system's buffers: until `bytesRead`, their sum, stops growing and nothing
 * is `waiting` to be passed on. If Kapacitor keeps writing, it stops waiting after `withinMs`, at most 250.
 */
export async function drainPendingReads(
  withinMs: number,
  bytesRead: () => number,
  waiting: () => boolean = () => false,
): Promise<void> {
  const end = performance.now() + Math.min(withinMs, maxWaitMs);
  let bytes = -1;
  let quietTurns = 0;
  while (quietTurns < 2 && performance.now() < end) {
    await nextTurn(); // sockets are read in between
    const before = bytes;
    bytes = bytesRead();
    quietTurns = bytes === before && !waiting() ? quietTurns + 1 : 0;
  }
}
