import { UdfError } from '../model/errors.js';
import { maxTimerMs } from '../model/duration.js';

/** What one connection may use. Past a limit, that connection ends with a clear error; the others go on. */
export interface Limits {
  /** Bytes of one message, checked before memory is taken. */
  readonly messageBytes: number;
  /** Bytes read ahead while a handler is busy; beyond it reading pauses. */
  readonly inputBytes: number;
  /** Bytes emitted that Kapacitor has not read yet. */
  readonly outputBytes: number;
  /** Bytes of one batch that is collected for a `batch` handler or from one point by point, with 64 more for each point. */
  readonly batchBytes: number;
  /** Bytes of a snapshot, written or restored. */
  readonly snapshotBytes: number;
  /** Milliseconds that an async handler may take for one call; 0 for no limit. */
  readonly handlerMs: number;
}

/** What a point takes in memory that is kept, by where its frame lies: a small message costs more than it has bytes. */
export function heldBytes({ frameLength }: { readonly frameLength: number }): number {
  return frameLength + pointOverheadBytes;
}

const pointOverheadBytes = 64;

const MiB = 1024 * 1024;

export const defaultLimits: Limits = {
  messageBytes: 64 * MiB,
  inputBytes: 1 * MiB,
  outputBytes: 256 * MiB,
  batchBytes: 256 * MiB,
  snapshotBytes: 1024 * MiB,
  handlerMs: 60_000,
};

/** Above this, offsets in a message would not be small integers to V8, which the scan of points counts on. */
const maxMessageBytes = 1023 * MiB;

/** The defaults with some replaced. Throws `invalid_argument` for a limit that is not a whole number in its range. */
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
