import type { BatchInfo } from './batch.js';
import type { DeadLetterStats, UseId } from './statistics.js';

/** Points that the error policy has dropped: plain data, which `postMessage` can transfer. */
export interface DeadLetter {
  /** The number of points. */
  readonly points: number;
  /** Their frames in the protocol's encoding, one after the other. */
  readonly frames: Uint8Array;
  /** The batch that they belong to, if any. */
  readonly batch?: BatchInfo | undefined;
  /** The error of the handler. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly droppedAt: number;
}

/** Keeps the points that the error policy drops. */
export interface DeadLetters {
  /** Takes over points. Never throws, and never waits: what cannot be kept is lost and counted. */
  add(use: UseId, letter: DeadLetter): void;
  /** The counters that a host shows; absent if they are not counted. */
  readonly stats?: DeadLetterStats;
}
