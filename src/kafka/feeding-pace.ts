const firstRecords = 16;
const maxGrowth = 8;
/** A UDF that handles so many records in time is not waited for. */
const manyRecords = 16_384;

/**
 * Bounds what a UDF is given ahead by the time that it takes. A UDF that waits for something at each point, an answer of a
 * server for example, could have minutes of work before it in a few hundred kilobytes: a transaction can end only after all
 * of it, and brokers abort one that takes too long.
 */
export class FeedingPace {
  readonly #budgetMs: number;
  readonly #now: () => number;
  #maxRecords = firstRecords;
  #sent = 0;
  #startedMs = 0;
  #handlerSeconds = 0;

  /** `budgetMs` is what the UDF should take for what it is given ahead. */
  constructor(budgetMs: number, now: () => number = () => performance.now()) {
    this.#budgetMs = budgetMs;
    this.#now = now;
  }

  /** Max records to send before the UDF has handled them; `Infinity` for a UDF that is not waited for. */
  get maxRecords(): number {
    return this.#maxRecords >= manyRecords ? Infinity : this.#maxRecords;
  }

  /** Called before records are sent. */
  start(): void {
    if (this.#sent === 0) this.#startedMs = this.#now();
  }

  sent(records: number): void {
    this.#sent += records;
  }

  /** Called when all records are handled, with the seconds that the UDF's handlers have taken in total. */
  settled(handlerSeconds: number): void {
    if (this.#sent === 0) return;
    // The handlers' times overlap if they are async; the clock also runs for other partitions.
    const handlerMs = 1000 * (handlerSeconds - this.#handlerSeconds);
    const ms = Math.min(handlerMs, this.#now() - this.#startedMs);
    const inTime = Math.floor((this.#budgetMs * this.#sent) / Math.max(ms, Number.MIN_VALUE));
    this.#maxRecords = Math.max(1, Math.min(inTime, maxGrowth * this.#maxRecords, manyRecords));
    this.#handlerSeconds = handlerSeconds;
    this.#sent = 0;
  }
}
