import { UdfError } from '../model/errors.js';
import { hasCode } from './client/broker-error.js';
import type { TopicInfo } from './client/cluster.js';

export interface TopicWatchOptions {
  /** The number of partitions of each topic, as they were when the worker began. */
  readonly counts: ReadonlyMap<string, number>;
  /** The topic whose partitions each have a state. */
  readonly keyed: string;
  /** A topic that may get more partitions: its points are divided anew. */
  readonly divided: string | undefined;
  /** The present topics. Rejects with a `BrokerError`. */
  readonly lookUp: (names: readonly string[]) => Promise<ReadonlyMap<string, TopicInfo>>;
  /** Called once with why the worker cannot continue. */
  readonly fail: (reason: UdfError) => void;
  /** Called when `divided` has got more partitions. */
  readonly grown: () => void;
  readonly intervalMs?: number;
}

const defaultIntervalMs = 5_000;
/** A broker that has just started may not know all topics for a moment. */
const lookUpsUntilMissing = 3;

/** Sees that topics are deleted, or get partitions, while a worker runs: brokers do not tell, and nothing would come any more. */
export class TopicWatch {
  readonly #options: TopicWatchOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #missing = new Map<string, number>();
  #divided: number;

  constructor(options: TopicWatchOptions) {
    this.#options = options;
    const { counts, divided, intervalMs = defaultIntervalMs } = options;
    this.#divided = divided === undefined ? 0 : (counts.get(divided) ?? 0);
    this.#timer = setInterval(() => void this.#check(), intervalMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    for (const [name, before] of this.#options.counts) {
      const count = await this.#count(name);
      if (count === undefined) continue;
      this.#missing.set(name, count === 0 ? (this.#missing.get(name) ?? 0) + 1 : 0);
      if (this.#missing.get(name)! >= lookUpsUntilMissing) this.#fail(deleted(name));
      else if (count > 0) this.#compare(name, before, count);
    }
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
    const { keyed, divided, grown } = this.#options;
    if (name === keyed && count !== before) this.#fail(changed(name, before, count));
    if (name !== divided || count === this.#divided) return;
    this.#divided = count;
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
