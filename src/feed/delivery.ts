import { setTimeout as wait } from 'node:timers/promises';
import { UdfError } from '../model/errors.js';
import { type InfluxWriter, InfluxWriteError } from '../influx/writer.js';
import type { Line } from './line.js';
import type { Spool } from './spool.js';

export interface DeliveryOptions {
  readonly writer: InfluxWriter;
  /** Where lines wait while the server is away; without one, reading waits instead. */
  readonly spool?: Spool | undefined;
  /** Aborts waiting for a server that is away. */
  readonly signal: AbortSignal;
  /** Called with each line that the server refuses for good, and why. */
  readonly onRefused: (line: Line, reason: string) => void;
  /** Called when the server goes away, with why, and with nothing when it is back. */
  readonly onOutage: (reason: string | undefined) => void;
  /** The first wait after a failure, in milliseconds; it doubles up to `maxWaitMs`. */
  readonly firstWaitMs?: number;
}

const maxWaitMs = 10_000;
/** So long a server may be away before lines go to the spool. */
const spoolAfterFailures = 3;

/**
 * Brings batches to a server, in order: each line arrives, is refused for good, or is left in the spool. What was sent
 * before and may have arrived is sent again, which makes no difference, since every line has its time.
 */
export class Delivery {
  arrived = 0;
  refused = 0;
  /** Lines that were given up, with nothing to keep them in, because the feed was stopped. */
  unsent = 0;
  readonly #options: DeliveryOptions;
  #failures = 0;
  #retryAt = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /**
   * Takes a batch. Rejects with `refused` if the server will never take anything: it wants other credentials, say. The
   * batch is in the spool then, if there is one.
   */
  async send(batch: readonly Line[]): Promise<void> {
    const { spool } = this.#options;
    if (spool && spool.size > 0) {
      await spool.add(batch);
      await this.#sendSpooled(false);
      return;
    }
    try {
      const tries = spool === undefined ? Infinity : spoolAfterFailures;
      if (!(await this.#deliver(batch, tries))) await this.#keep(batch);
    } catch (reason) {
      await spool?.add(batch); // whole, also if a part of it arrived: that makes no difference
      throw reason;
    }
  }

  /** Sends what waits in the spool, for as long as it takes, or until the signal. Rejects as `send` does. */
  async finish(): Promise<void> {
    await this.#sendSpooled(true);
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

  async #keep(batch: readonly Line[]): Promise<void> {
    if (this.#options.spool) await this.#options.spool.add(batch);
    else this.unsent += batch.length;
  }

  /** Tries so many times; false if the server was away each time, or the signal came. */
  async #deliver(batch: readonly Line[], tries: number): Promise<boolean> {
    const { writer, signal, onOutage } = this.#options;
    for (let tried = 1; ; tried++) {
      try {
        await writer.write(batch.map(({ text }) => text));
        this.arrived += batch.length;
        this.#isBack();
        return true;
      } catch (reason) {
        if (!(reason instanceof InfluxWriteError)) throw reason;
        if (!reason.temporary) {
          this.#isBack();
          await this.#part(batch, reason);
          return true;
        }
        if (this.#failures++ === 0) onOutage(reason.message);
        const waitMs = Math.max(reason.retryAfterMs, this.#backOff());
        this.#retryAt = performance.now() + waitMs;
        if (tried >= tries) return false;
        await wait(waitMs, undefined, { signal }).catch(() => undefined);
        if (isAborted(signal)) return false;
      }
    }
  }

  /** Half the time at random, so that many feeders do not come back all at once. */
  #backOff(): number {
    const { firstWaitMs = 100 } = this.#options;
    const most = Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(this.#failures, 20));
    return most / 2 + (Math.random() * most) / 2;
  }

  #isBack(): void {
    if (this.#failures > 0) this.#options.onOutage(undefined);
    this.#failures = 0;
    this.#retryAt = 0;
  }

  /** A batch that is refused is sent in halves, down to the lines that are to blame. */
  async #part(batch: readonly Line[], { message, statusCode }: InfluxWriteError): Promise<void> {
    if (statusCode !== 400 && statusCode !== 413 && statusCode !== 422) {
      throw new UdfError('refused', `the server takes nothing: ${message}`);
    }
    if (batch.length === 1) {
      this.refused++;
      this.#options.onRefused(batch[0]!, message);
      return;
    }
    const middle = batch.length >>> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      if (!(await this.#deliver(half, Infinity))) await this.#keep(half);
    }
  }
}

/** A signal that is aborted while something is awaited; asked by a function, since the compiler takes it for constant. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
