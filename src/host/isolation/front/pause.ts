import type { Input } from '../../../agent/input.js';
import type { Output } from '../../../agent/output.js';

/** A keepalive request may stay unread for so long before heartbeats are sent instead of its answer. */
const heartbeatDelayMs = 250;

/**
 * Pauses the reading of a connection. A worker that is behind pauses it many times a second, for too short a time for
 * heartbeats to matter: they begin only when a pause lasts.
 */
export class Pause {
  readonly #input: Input;
  readonly #output: Output;
  #timer: NodeJS.Timeout | undefined;
  #isPaused = false;

  constructor(input: Input, output: Output) {
    this.#input = input;
    this.#output = output;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Starts or ends a pause; no-op if it is as asked. */
  set(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.#input.setPaused(isPaused);
    if (isPaused) {
      this.#timer = setTimeout(() => {
        // While Kapacitor does not read, a heartbeat would only add to the unread output.
        if (!this.#output.blocked) this.#output.startHeartbeat();
      }, heartbeatDelayMs);
    } else this.end();
  }

  /** Sends no heartbeats any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#output.stopHeartbeat();
  }
}
