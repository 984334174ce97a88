import type { Counters } from './counters.js';

/** Output of input that is not finished. */
export interface AheadOutput {
  /** Frames of output since the last refusal or, without one, since the oldest unfinished frame of the input began. */
  readonly frames: number;
  /** Runs of handlers that were refused since then. */
  readonly refusals: number;
}

export const noOutputAhead: AheadOutput = { frames: 0, refusals: 0 };

/**
 * Counts the output of input that is not finished. When a host acknowledges the input before it, that output is already sent,
 * and must not be sent again when the unfinished input is repeated.
 */
export class OutputAhead {
  readonly #counters: Counters;
  #start = 0;
  #refusals = 0;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** To be called when a frame of the input begins and all before are finished. */
  begin(): void {
    this.#start = this.#added;
    this.#refusals = 0;
  }

  /** A run is refused. */
  refused(): void {
    this.#start = this.#added;
    this.#refusals++;
  }

  get current(): AheadOutput {
    return { frames: this.#added - this.#start, refusals: this.#refusals };
  }

  /** Frames of output so far: a batch has two besides its points. */
  get #added(): number {
    return this.#counters.pointsOut + 2 * this.#counters.batchesOut;
  }
}
