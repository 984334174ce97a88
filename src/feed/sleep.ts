import { setTimeout as wait } from 'node:timers/promises';

/** A wait after `failures` failures: exponential, half of it jitter, so that feeders do not retry at the same moment. */
export function backOffMs(failures: number, firstWaitMs: number, maxWaitMs: number): number {
  const ms = Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(failures, 20));
  return ms / 2 + (Math.random() * ms) / 2;
}

/** Waits. Resolves to false, without rejecting, as soon as the signal aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<boolean> {
  return wait(ms, undefined, { signal }).then(
    () => true,
    () => false,
  );
}
