import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long whoever stops reads on from a Kapacitor that goes on writing. */
const maxWaitMs = 250;

/**
 * Waits while sockets read what Kapacitor had already written, which is in the system's buffers: until `bytesRead`, over
 * all of them, grows no more and nothing is `waiting` to be passed on, or `withinMs` (at most 250) have passed because
 * Kapacitor goes on writing.
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
    await nextTurn(); // sockets have been read in between
    const before = bytes;
    bytes = bytesRead();
    quietTurns = bytes === before && !waiting() ? quietTurns + 1 : 0;
  }
}
