import { setTimeout as wait } from 'node:timers/promises';

/** Waits. Resolves to false, without rejecting, as soon as the signal aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<boolean> {
  return wait(ms, undefined, { signal }).then(
    () => true,
    () => false,
  );
}
