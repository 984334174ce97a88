import { setTimeout as wait } from 'node:timers/promises';
import { type InfluxWriter, InfluxWriteError } from '../influx/writer.js';
import { messageOf, UdfError } from '../model/errors.js';
import { counted } from '../model/text.js';
import type { Line } from './lines.js';
import type { Spool } from './spool.js';

export interface DeliveryOptions {
  readonly writer: InfluxWriter;
  /** Where lines wait while the server is away; without it, reading waits. */
  readonly spool?: Spool | undefined;
  /** Stops waiting for a server that is away. */
  readonly signal: AbortSignal;
  /** Called with each line that the server refuses for good. */
  readonly onRefused?: ((line: Line, reason: string) => void) | undefined;
  /** Called with the reason when the server goes away, and with `undefined` when it is back. */
  readonly onOutage?: ((reason: string | undefined) => void) | undefined;
  /** Wait after the first failure; it doubles up to 10 s. */
  readonly firstWaitMs?: number | undefined;
}

const maxWaitMs = 10_000;
/** Failures in a row after which lines go to the spool. */
const maxFailuresBeforeSpool = 3;

/**
 * Brings batches to a server, in order: each line arrives, is refused for good, goes to the spool, or is counted as unsent.
 * Lines whose arrival is uncertain are sent again, which a database stores once, since every line has its time.
 */
export class Delivery {
  arrived = 0;
  refused = 0;
  /** Lines that neither arrived nor could be kept. */
  unsent = 0;
  /** Lines of this delivery's batches that went to the spool. */
  #spooled = 0;
  readonly #options: DeliveryOptions;
  #failures = 0;
  #retryAt = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /**
   * Takes a batch. What did not arrive is in the spool if this rejects, or counted as unsent. Rejects with `refused` if the
   * server refuses everything (wrong credentials, no such database), and with `invalid_config` if the spool's disk is full.
   */
  async send(batch: readonly Line[]): Promise<void> {
    const { spool } = this.#options;
    const before = this.#handled;
    try {
      if (spool && spool.size > 0) {
        await this.#keep(batch);
        await this.#sendSpooled(false);
        return;
      }
      const maxTries = spool === undefined ? Infinity : maxFailuresBeforeSpool;
      if (!(await this.#deliver(batch, maxTries))) await this.#keep(batch.slice(this.#handled - before));
    } catch (reason) {
      // A batch is delivered in order, so that the lines without a result are its end.
      if (!(reason instanceof SpoolError)) await this.#keep(batch.slice(this.#handled - before));
      throw reason;
    }
  }

  /** Sends what waits in the spool, until it is empty or the signal aborts. Rejects as `send` does. */
  async finish(): Promise<void> {
    await this.#sendSpooled(true);
  }

  get #handled(): number {
    return this.arrived + this.refused + this.unsent + this.#spooled;
  }

  async #sendSpooled(untilEmpty: boolean): Promise<void> {
    const { spool, signal } = this.#options;
    while (spool && spool.size > 0) {
      if (!untilEmpty && performance.now() < this.#retryAt) return;
      const batch = await spool.first();
      if (!batch || !(await this.#deliver(batch, untilEmpty ? Infinity : 1))) return;
      await spool.removeFirst();
      if (isAborted(signal)) return;
    }
  }

  /** Puts lines into the spool; without one, or if its disk is full, they are unsent. */
  async #keep(lines: readonly Line[]): Promise<void> {
    const { spool } = this.#options;
    if (lines.length === 0) return;
    try {
      await spool?.add(lines);
    } catch (cause) {
      this.unsent += lines.length;
      const { from } = lines[0]!; // not empty
      throw new SpoolError(
        `${messageOf(cause)}; ${counted(lines.length, 'line')} not kept, from ${from} on`,
        { cause },
      );
    }
    if (spool) this.#spooled += lines.length;
    else this.unsent += lines.length;
  }

  /** Resolves to false, with an end of the batch undelivered, if the server was away `maxTries` times or the signal aborted. */
  async #deliver(batch: readonly Line[], maxTries: number): Promise<boolean> {
    const { writer, signal, onOutage } = this.#options;
    for (let tries = 1; ; tries++) {
      // The end must not wait for one more time-out a batch.
      if (isAborted(signal) && this.#failures > 0) return false;
      try {
        await writer.write(batch.map(({ text }) => text));
        this.arrived += batch.length;
        this.#endOutage();
        return true;
      } catch (reason) {
        if (!(reason instanceof InfluxWriteError)) throw reason;
        if (!reason.temporary) {
          this.#endOutage();
          return await this.#deliverHalves(batch, reason);
        }
        if (this.#failures++ === 0) onOutage?.(reason.message);
        const waitMs = Math.max(reason.retryAfterMs, this.#backOffMs());
        this.#retryAt = performance.now() + waitMs;
        if (tries >= maxTries) return false;
        await wait(waitMs, undefined, { signal }).catch(() => undefined);
        if (isAborted(signal)) return false;
      }
    }
  }

  /** Half of it is random, so that many feeders do not come back at the same moment. */
  #backOffMs(): number {
    const { firstWaitMs = 100 } = this.#options;
    const maxMs = Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(this.#failures, 20));
    return maxMs / 2 + (Math.random() * maxMs) / 2;
  }

  #endOutage(): void {
    if (this.#failures > 0) this.#options.onOutage?.(undefined);
    this.#failures = 0;
    this.#retryAt = 0;
  }

  /** Splits a refused batch in halves, down to the lines that are to blame. False if a half was not delivered. */
  async #deliverHalves(batch: readonly Line[], { message, statusCode }: InfluxWriteError): Promise<boolean> {
    if (statusCode !== 400 && statusCode !== 413 && statusCode !== 422) {
      throw new UdfError('refused', `the server takes nothing: ${message}`);
    }
    if (batch.length === 1) {
      this.refused++;
      this.#options.onRefused?.(batch[0]!, message);
      return true;
    }
    const middle = batch.length >>> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      if (!(await this.#deliver(half, Infinity))) return false;
    }
    return true;
  }
}

/** The disk did not take lines, which are counted as unsent. */
class SpoolError extends UdfError {
  constructor(message: string, options: ErrorOptions) {
    super('invalid_config', message, options);
  }
}

/** The compiler takes a signal that was checked before for unchanged, also behind an `await`. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
