import { type Outage, type OutageReportOptions, OutageReports } from '../http/outage.js';
import { WriteError } from '../http/write-error.js';
import { messageOf, UdfError } from '../model/errors.js';
import { counted } from '../model/text.js';
import type { Line } from './lines.js';
import { backOffMs, sleep } from './sleep.js';
import type { Spool } from './spool.js';
import type { LineWriter } from './writer.js';

export interface DeliveryOptions {
  readonly writer: LineWriter;
  /** Stores lines while the server is unavailable; without it, `send` retries until the signal aborts. */
  readonly spool?: Spool | undefined;
  /** Ends the retries. */
  readonly signal: AbortSignal;
  /** Called with each line that the server rejects permanently. */
  readonly onRefused?: ((line: Line, reason: string) => void) | undefined;
  /** Called when the server becomes unavailable, again at growing intervals, and with `undefined` when it is available again. */
  readonly onOutage?: ((outage: Outage | undefined) => void) | undefined;
  /** When an outage is reported again. */
  readonly outageReports?: OutageReportOptions | undefined;
  /** Wait after the first failure, 100 by default; doubles with each further one, up to 10 s. */
  readonly firstWaitMs?: number | undefined;
}

const maxWaitMs = 10_000;
/** Consecutive failures after which lines go to the spool. */
const maxFailuresBeforeSpool = 3;

/**
 * Delivers batches to a server, in order: each line arrives, is refused, goes to the spool, or is counted as unsent. Lines
 * whose arrival is uncertain are sent again; as each has a time, a database stores it once.
 */
export class Delivery {
  arrived = 0;
  refused = 0;
  /** Lines that neither arrived nor were spooled. */
  unsent = 0;
  /** Lines from `send` that went to the spool. */
  #spooled = 0;
  readonly #options: DeliveryOptions;
  readonly #outageReports: OutageReports;
  #failures = 0;
  #retryAt = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#outageReports = new OutageReports(options.outageReports);
  }

  /**
   * Delivers a batch. If this rejects, lines that did not arrive are in the spool or counted as unsent. Rejects with
   * `refused` if the server refuses every write (wrong credentials, no such database), and with `invalid_config` if the
   * spool cannot be written to.
   */
  async send(batch: readonly Line[]): Promise<void> {
    const { spool } = this.#options;
    const before = this.#handled;
    try {
      if (spool && spool.size > 0) {
        await this.#spoolLines(batch);
        await this.#sendSpooled(false);
        return;
      }
      const maxTries = spool === undefined ? Infinity : maxFailuresBeforeSpool;
      if (!(await this.#deliver(batch, maxTries)))
        await this.#spoolLines(batch.slice(this.#handled - before));
    } catch (reason) {
      // Lines are handled in order: the remaining ones are the end of the batch.
      if (!(reason instanceof SpoolError)) await this.#spoolLines(batch.slice(this.#handled - before));
      throw reason;
    }
  }

  /** Sends the spooled batches until none is left or the signal aborts. Rejects as `send` does. */
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
      if (signal.aborted) return;
    }
  }

  /** Spools lines. Without a spool, or if it fails, counts them as unsent. */
  async #spoolLines(lines: readonly Line[]): Promise<void> {
    const { spool } = this.#options;
    if (lines.length === 0) return;
    try {
      await spool?.add(lines);
    } catch (cause) {
      this.unsent += lines.length;
      const { from } = lines[0]!; // checked above: not empty
      throw new SpoolError(
        `${messageOf(cause)}; ${counted(lines.length, 'line')} not kept, from ${from} on`,
        { cause },
      );
    }
    if (spool) this.#spooled += lines.length;
    else this.unsent += lines.length;
  }

  /** Resolves to false if `maxTries` failed or the signal aborted; the end of the batch is then undelivered. */
  async #deliver(batch: readonly Line[], maxTries: number): Promise<boolean> {
    const { writer, signal, onOutage, firstWaitMs = 100 } = this.#options;
    for (let tries = 1; ; tries++) {
      // Without this check, each remaining batch would wait for one more timeout after an abort.
      if (signal.aborted && this.#failures > 0) return false;
      try {
        const refusedLines = await writer.write(batch.map(({ text }) => text));
        this.#endOutage();
        for (const { index, reason } of refusedLines) this.#options.onRefused?.(batch[index]!, reason);
        this.refused += refusedLines.length;
        this.arrived += batch.length - refusedLines.length;
        return true;
      } catch (reason) {
        if (!(reason instanceof WriteError)) throw reason;
        if (!reason.temporary) {
          this.#endOutage();
          return await this.#deliverHalves(batch, reason);
        }
        this.#failures++;
        const outage = this.#outageReports.failed(reason.message);
        if (outage) onOutage?.(outage);
        const waitMs = Math.max(reason.retryAfterMs, backOffMs(this.#failures, firstWaitMs, maxWaitMs));
        this.#retryAt = performance.now() + waitMs;
        if (tries >= maxTries) return false;
        if (!(await sleep(waitMs, signal))) return false;
      }
    }
  }

  #endOutage(): void {
    if (this.#outageReports.ended() !== undefined) this.#options.onOutage?.(undefined);
    this.#failures = 0;
    this.#retryAt = 0;
  }

  /** Bisects a rejected batch down to the invalid lines. Resolves to false if a half was not delivered. */
  async #deliverHalves(batch: readonly Line[], { message, statusCode }: WriteError): Promise<boolean> {
    if (statusCode !== 400 && statusCode !== 413 && statusCode !== 422) {
      throw new UdfError('refused', `the server refuses all writes: ${message}`);
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

/** Spooling failed; the lines are counted as unsent. */
class SpoolError extends UdfError {
  constructor(message: string, options: ErrorOptions) {
    super('invalid_config', message, options);
  }
}
