import { maxTimerMs } from '../../model/duration.js';
import type { ConnectionOptions } from '../host-options.js';
import { StateDirectory } from './state-directory.js';

/** Running uses are marked as used each hour: other processes must not take them for old in between. */
const minAgeMs = 2 * 60 * 60 * 1000;

type StateOptions = Pick<ConnectionOptions, 'logger' | 'stateDir' | 'stateIntervalMs' | 'stateMaxAgeMs'>;

interface OpenOptions extends StateOptions {
  /** Other processes use the directory too, for other uses of UDFs. */
  readonly isShared: boolean;
}

/** Opens the state directory of a host; `undefined` if it has none. Rejects as `StateDirectory.open`. */
export async function openStateDirectory({
  logger,
  stateDir: directory,
  stateMaxAgeMs: maxAgeMs,
  isShared,
}: OpenOptions): Promise<StateDirectory | undefined> {
  if (directory === undefined) return undefined;
  return StateDirectory.open({ directory, logger, maxAgeMs, isShared });
}

/** What is wrong with the options of a state directory; `undefined` if nothing is. */
export function stateOptionsProblem({
  stateDir,
  stateIntervalMs = 1,
  stateMaxAgeMs = minAgeMs,
}: Omit<StateOptions, 'logger'>): string | undefined {
  if (stateDir === '') return 'stateDir must not be empty';
  if (!Number.isInteger(stateIntervalMs) || stateIntervalMs < 1 || stateIntervalMs > maxTimerMs) {
    return `stateIntervalMs must be a whole number from 1 to ${maxTimerMs}, got ${stateIntervalMs}`;
  }
  if (!Number.isSafeInteger(stateMaxAgeMs) || stateMaxAgeMs < minAgeMs) {
    return `stateMaxAgeMs must be a whole number from ${minAgeMs}, got ${stateMaxAgeMs}`;
  }
  return undefined;
}
