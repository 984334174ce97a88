import type { Input } from '../../../agent/input.js';
import type { Limits } from '../../../agent/limits.js';
import type { Output } from '../../../agent/output.js';
import { UdfError } from '../../../model/errors.js';
import type { Feed } from '../supervisor/feed.js';
import type { Supervisor } from '../supervisor/supervisor.js';
import { ReadAhead } from './read-ahead.js';

/**
 * Max time without a response while the connection is not read: a keepalive request may wait behind input there, and heartbeats
 * are sent instead of its answer. Short, as a worker that replaces another one may be behind for a second.
 */
const heartbeatMs = 50;

export interface FlowControlOptions {
  readonly input: Input;
  readonly output: Output;
  readonly feed: Feed;
  readonly supervisor: Supervisor;
  readonly limits: Limits;
}

/**
 * Pauses the reading of a connection while its worker is behind, and that of the worker while Kapacitor does not read.
 *
 * A worker that is behind pauses the connection many times a second, for too short a time for heartbeats to matter: they
 * begin only when a pause lasts.
 */
export class FlowControl {
  readonly #options: FlowControlOptions;
  readonly #maxBatchJournalBytes: number;
  readonly #readAhead: ReadAhead;
  #isPaused = false;
  #heartbeatTimer: NodeJS.Timeout | undefined;

  constructor(options: FlowControlOptions) {
    const { inputBytes, journalBytes, batchBytes } = options.limits;
    this.#options = options;
    this.#readAhead = new ReadAhead(inputBytes);
    this.#maxBatchJournalBytes = Math.max(journalBytes, batchBytes);
  }

  /** Pauses or resumes as needed. Returns an error if an open batch does not fit into the journal. */
  update(isInBatch: boolean): UdfError | undefined {
    const { input, output, feed, supervisor, limits } = this.#options;
    const { blocked } = output;
    supervisor.setOutputPaused(blocked);
    if (input.ended) return undefined;
    const { journal, unhandledBytes, acknowledged } = feed;
    const maxJournal = isInBatch ? this.#maxBatchJournalBytes : limits.journalBytes;
    if (isInBatch && journal.size > maxJournal) {
      return new UdfError('limit', `a batch takes more than ${maxJournal} bytes (batchBytes, journalBytes)`);
    }
    const { isWaiting } = supervisor;
    const isFull = this.#readAhead.isFull({ unhandledBytes, handled: acknowledged, isWaiting });
    this.#setPaused(blocked || isFull || journal.size > maxJournal);
    return undefined;
  }

  /** Sends no more heartbeats. */
  end(): void {
    clearTimeout(this.#heartbeatTimer);
    this.#options.output.stopHeartbeat();
  }

  #setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    const { input, output } = this.#options;
    this.#isPaused = isPaused;
    input.setPaused(isPaused);
    if (!isPaused) {
      this.end();
      return;
    }
    this.#heartbeatTimer = setTimeout(() => {
      // While Kapacitor does not read, a heartbeat would only add to the unread output.
      if (!output.blocked) output.startHeartbeat(heartbeatMs);
    }, heartbeatMs);
  }
}
