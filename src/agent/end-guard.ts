import type { Output } from './output.js';

/**
 * Keepalive responses before the output at the end. Once Kapacitor has aborted a UDF, it stops reading at each response with a
 * probability of 1/2: that it reads them all has one of 1/2^32.
 */
export const guardKeepalives = 32;

/** Milliseconds between the last output and the end of the connection, or the error response. */
export const guardPauseMs = 20;

/**
 * Keeps a Kapacitor that ends a UDF from crashing on the output that the UDF sends at its end.
 *
 * Kapacitor 1.5.7 to 1.8.3 stops a task in one of two ways, whichever comes first, and in both it closes the edges behind
 * the UDF without waiting for its own goroutine that forwards output. If that goroutine still has a point, the whole daemon
 * ends (`send on closed channel`):
 * - It aborts the UDF: from then on it decides at random, for each response, whether it takes it or stops reading.
 *   Keepalive responses, which it ignores otherwise, make sure that it no longer reads when output comes.
 * - It lets the UDF finish, but reports an error: then it is the end of the connection right behind a point that is too soon.
 *   The same goes for an error response.
 *
 * Output that was on its way before Kapacitor closed its side cannot be kept from it. A child process needs no guard:
 * Kapacitor waits until it has exited, which takes long enough.
 */
export class EndGuard {
  readonly #output: Output;
  readonly #isKapacitor: boolean;

  /** `isKapacitor`: the peer is Kapacitor's daemon, and not a test or a replay. */
  constructor(output: Output, isKapacitor: boolean) {
    this.#output = output;
    this.#isKapacitor = isKapacitor;
  }

  /** Milliseconds to wait between the output so far and the end of the connection. */
  get pauseMs(): number {
    return this.#isKapacitor && this.#output.hasSentData ? guardPauseMs : 0;
  }

  /** Kapacitor has closed its side; to be called before the output that follows. */
  inputEnded(): void {
    if (this.#isKapacitor) this.#output.keepalives(guardKeepalives);
  }
}
