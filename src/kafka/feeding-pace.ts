/** Max records before the UDF's speed is known. */
const firstRecords = 16;
const maxGrowth = 8;
/** A UDF that handles this many records within the budget has no limit. */
const unlimitedRecords = 16_384;

/**
 * Limits the records that are sent to a UDF before it has handled them, by the time that it takes for a record. If each point
 * waits for an answer of a server, a few hundred kilobytes of records can take minutes. A transaction ends only when all are
 * handled, and brokers abort one that takes too long.
 */
export class FeedingPace {
  readonly #budgetMs: number;
  readonly #now: () => number;
  #maxRecords = firstRecords;
  #sent = 0;
  #startedMs = 0;
  #handlerSeconds = 0;

  /** `budgetMs`: max time that the UDF should take for the records that are sent. */
  constructor(budgetMs: number, now: () => number = () => performance.now()) {
    this.#budgetMs = budgetMs;
    this.#now = now;
  }

  /** Max records to send before the UDF has handled them; `Infinity` for a fast UDF. */
  get maxRecords(): number {
    return this.#maxRecords >= unlimitedRecords ? Infinity : this.#maxRecords;
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
    this.#maxRecords = Math.max(1, Math.min(inTime, maxGrowth * this.#maxRecords, unlimitedRecords));
    this.#handlerSeconds = handlerSeconds;
    this.#sent = 0;
  }
}
