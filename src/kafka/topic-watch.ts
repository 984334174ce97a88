import { UdfError } from '../model/errors.js';
import { hasCode } from './client/broker-error.js';
import type { TopicInfo } from './client/cluster.js';

export interface TopicWatchOptions {
  /** The number of partitions of each topic, as they were when the worker began. */
  readonly counts: ReadonlyMap<string, number>;
  /** The topic whose partitions each have a state. */
  readonly keyed: string;
  /** The input of `--repartition`, which may get more partitions. */
  readonly repartitioned: string | undefined;
  /** The present topics. Rejects with a `BrokerError`. */
  readonly lookUp: (names: readonly string[]) => Promise<ReadonlyMap<string, TopicInfo>>;
  /** Called once with why the worker cannot continue. */
  readonly fail: (reason: UdfError) => void;
  /** Called when the number of partitions of `repartitioned` has changed. */
  readonly grown: () => void;
  readonly intervalMs?: number;
}

const defaultIntervalMs = 5_000;
/** Look-ups in a row without a topic after which it is deleted: a broker that has just started may not know all topics. */
const lookUpsUntilDeleted = 3;

/** Looks up at intervals whether topics were deleted or got partitions while a worker runs: brokers do not notify of it. */
export class TopicWatch {
  readonly #options: TopicWatchOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #missing = new Map<string, number>();
  /** The number of partitions of `repartitioned`. */
  #partitions: number;
  #isChecking = false;
  #isClosed = false;

  constructor(options: TopicWatchOptions) {
    this.#options = options;
    const { counts, repartitioned, intervalMs = defaultIntervalMs } = options;
    this.#partitions = repartitioned === undefined ? 0 : (counts.get(repartitioned) ?? 0);
    this.#timer = setInterval(() => void this.#check(), intervalMs).unref();
  }

  /** Neither `fail` nor `grown` is called any more. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    if (this.#isChecking) return; // brokers may take longer than the interval to answer
    this.#isChecking = true;
    for (const [name, before] of this.#options.counts) {
      const count = await this.#count(name);
      if (this.#isClosed) return;
      if (count === undefined) continue;
      const missing = count === 0 ? (this.#missing.get(name) ?? 0) + 1 : 0;
      this.#missing.set(name, missing);
      if (missing >= lookUpsUntilDeleted) this.#fail(deleted(name));
      else if (count > 0) this.#compare(name, before, count);
    }
    this.#isChecking = false;
  }

  /** The number of partitions, 0 if there is no such topic; `undefined` if no broker tells. */
  async #count(name: string): Promise<number | undefined> {
    try {
      return (await this.#options.lookUp([name])).get(name)?.leaders.length;
    } catch (reason) {
      return hasCode(reason, 'UNKNOWN_TOPIC_OR_PARTITION') ? 0 : undefined;
    }
  }

  #compare(name: string, before: number, count: number): void {
    const { keyed, repartitioned, grown } = this.#options;
    if (name === keyed && count !== before) this.#fail(changed(name, before, count));
    if (name !== repartitioned || count === this.#partitions) return;
    this.#partitions = count;
    grown();
  }

  #fail(reason: UdfError): void {
    this.close();
    this.#options.fail(reason);
  }
}

function deleted(topic: string): UdfError {
  return new UdfError(
    'invalid_config',
    `topic ${topic} was deleted while the worker ran; create it again, and set the offsets of the consumer group if it is ` +
      'its input or its changelog',
  );
}

function changed(topic: string, before: number, count: number): UdfError {
  return new UdfError(
    'invalid_config',
    `topic ${topic} had ${before} partitions and has ${count} now: its groups may be in other partitions than their state; ` +
      'use a new consumer group, which begins the state afresh, or --repartition',
  );
}
