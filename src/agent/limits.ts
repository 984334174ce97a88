import { UdfError } from '../model/errors.js';
import { maxTimerMs } from '../model/duration.js';

/** Limits of one connection. Exceeding one ends that connection only. */
export interface Limits {
  /** Max bytes of one message, checked before allocating. */
  readonly messageBytes: number;
  /** Max bytes read ahead while a handler is busy; above it, reading pauses. */
  readonly inputBytes: number;
  /** Max bytes emitted that Kapacitor has not read yet, an output batch that is being collected included. */
  readonly outputBytes: number;
  /** Max bytes of one batch while it is collected: for a `batch` handler, with 64 bytes more a point, or for output. */
  readonly batchBytes: number;
  /** Max bytes of a snapshot, written or restored. */
  readonly snapshotBytes: number;
  /** Max milliseconds of one call of a handler; 0 for no limit. Without isolation it holds for async handlers only. */
  readonly handlerMs: number;
  /** Max bytes of the points that wait for `.reorder()`; above it, those that came first are handled early. */
  readonly reorderBytes: number;
  /** Max bytes of input since the last internal snapshot of an isolated UDF. A whole batch may take `batchBytes`. */
  readonly journalBytes: number;
}

/** Estimates the memory of a point that is kept: its frame and its object. */
export function retainedBytes({ frameLength }: { readonly frameLength: number }): number {
  return frameLength + pointOverheadBytes;
}

const pointOverheadBytes = 64;

const MiB = 1024 * 1024;

export const defaultLimits: Limits = {
  messageBytes: 64 * MiB,
  inputBytes: 1 * MiB,
  outputBytes: 64 * MiB,
  batchBytes: 256 * MiB,
  snapshotBytes: 1024 * MiB,
  handlerMs: 60_000,
  reorderBytes: 64 * MiB,
  journalBytes: 64 * MiB,
};

/** Keeps all offsets in a message below 2^30, so that V8 holds them as small integers: the scan of points relies on it. */
const maxMessageBytes = 1023 * MiB;

/**
 * Fills in the default limits. Throws `invalid_argument` if a limit is unknown, or not a whole number in its range.
 */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(given)) {
    if (!(name in defaultLimits)) {
      throw new UdfError(
        'invalid_argument',
        `there is no limit ${name}; there are ${Object.keys(defaultLimits).join(', ')}`,
      );
    }
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new UdfError(
        'invalid_argument',
        `limit ${name} must be a whole number from 0, got ${String(value)}`,
      );
    }
  }
  const limits = { ...defaultLimits, ...given };
  if (limits.messageBytes > maxMessageBytes) {
    throw new UdfError(
      'invalid_argument',
      `limit messageBytes must be at most ${maxMessageBytes}, got ${limits.messageBytes}`,
    );
  }
  if (limits.handlerMs > maxTimerMs) {
    throw new UdfError(
      'invalid_argument',
      `limit handlerMs must be at most ${maxTimerMs}, got ${limits.handlerMs}; 0 is no limit`,
    );
  }
  return limits;
}
