import { setTimeout as sleep } from 'node:timers/promises';
import type { RoundResult, TaskWatcher } from './task-watcher.js';

/** Some rules compare two sightings of a task. */
const maxRounds = 3;
const roundIntervalMs = 500;

/**
 * Looks at all tasks and revives those that need it, in up to three rounds while some are stopped. Returns the last result.
 *
 * When `signal` aborts, revivals that are under way are completed and no further one begins: none leaves a task disabled.
 */
export async function watchOnce(
  watcher: Pick<TaskWatcher, 'round' | 'stop'>,
  signal: AbortSignal,
): Promise<RoundResult> {
  const stop = (): void => void watcher.stop();
  signal.addEventListener('abort', stop);
  try {
    let result = await watcher.round();
    for (let rounds = 1; rounds < maxRounds && result.isAvailable && result.stopped > 0; rounds++) {
      await sleep(roundIntervalMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      result = await watcher.round();
    }
    return result;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
