import { packHeader } from '../../../agent/state/header.js';
import type { Snapshot } from '../../../agent/state/snapshot.js';
import { UdfError } from '../../../model/errors.js';
import type { Supervisor } from '../supervisor/supervisor.js';

/** Max time that Kapacitor waits for a worker that is away: stopping Kapacitor would otherwise wait for ever. */
const maxWaitMs = 10_000;

const checkIntervalMs = 1_000;

/** Calls `fallback` once the worker has been away for `maxWaitMs`. Returns a function that ends the wait. */
export function whileAway(supervisor: Supervisor, fallback: () => void): () => void {
  let awayMs = 0;
  const timer = setInterval(() => {
    awayMs = supervisor.isAway ? awayMs + checkIntervalMs : 0;
    if (awayMs < maxWaitMs) return;
    clearInterval(timer);
    fallback();
  }, checkIntervalMs);
  timer.unref(); // the connection keeps the process alive
  return () => {
    clearInterval(timer);
  };
}

/** The last state that is known of a worker that is away. */
export function lastKnownSnapshot(supervisor: Supervisor, udf: string): Snapshot {
  const { lastSnapshot } = supervisor;
  const pieces = lastSnapshot ? [Buffer.from(lastSnapshot)] : packHeader({ udf, version: 1, groups: 0 });
  return { pieces, size: pieces.reduce((sum, { length }) => sum + length, 0) };
}

/** The end of a connection whose input has ended while its worker is away. */
export function endedWhileAway(): UdfError {
  return new UdfError(
    'connection',
    `the remote host has been away for ${maxWaitMs} ms as the task stops: what it has not answered is lost`,
  );
}
