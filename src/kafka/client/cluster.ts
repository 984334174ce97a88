import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { Broker, Connection, ConnectionPool } from '@platformatic/kafka';
import { messageOf, UdfError } from '../../model/errors.js';
import { BrokerError, hasCode, isRetriable } from './broker-error.js';
import { addressOf, connectionFailure, isSignInFailure } from './connection-failure.js';
import type { KafkaLibrary } from './library.js';

export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';

export interface ClientSettings {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls?: TlsOptions | undefined;
  readonly sasl?:
    { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string } | undefined;
}

/** Requests that may block the broker's handling of a connection get connections of their own. */
export type Purpose = 'main' | 'fetch' | 'group';

/** A request of the client library. */
export interface Api<Args extends readonly unknown[], Response> {
  readonly async: (connection: Connection, ...args: [...Args]) => Promise<Response>;
}

/** A topic's partitions, as the leader of each: -1 if there is none at the moment. */
export interface TopicInfo {
  readonly leaders: readonly number[];
}

const requestTimeoutMs = 30_000;
const minBackoffMs = 20;
const maxBackoffMs = 1_000;
const metadataAgeMs = 60_000;

/** Since when no broker answers, by `performance.now`, and why. */
export interface Silence {
  readonly since: number;
  readonly text: string;
}

/** The brokers of a cluster: connections, leaders of partitions, and coordinators. */
export class Cluster {
  readonly library: KafkaLibrary;
  readonly #settings: ClientSettings;
  readonly #bootstrap: readonly Broker[];
  readonly #pools = new Map<Purpose, ConnectionPool>();
  readonly #brokers = new Map<number, Broker>();
  readonly #topics = new Map<string, TopicInfo & { readonly at: number }>();
  readonly #coordinators = new Map<string, number>();
  readonly #closing = new AbortController();
  /** Addresses of brokers that have answered a request. */
  readonly #answering = new Set<string>();
  /** The bootstrap broker that was connected to last. */
  #preferred: Broker | undefined;
  #silence: Silence | undefined;

  constructor(library: KafkaLibrary, settings: ClientSettings) {
    this.library = library;
    this.#settings = settings;
    this.#bootstrap = settings.brokers.map(parseBroker);
    const text = `no answer yet from ${this.#bootstrap.map(addressOf).join(', ')}`;
    this.#silence = { since: performance.now(), text };
  }

  /** Since when no request was answered, and why; `undefined` if the last one was. */
  get silence(): Silence | undefined {
    return this.#silence;
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** Sends a request to a broker, or to any. Rejects with a `BrokerError`. */
  async call<Args extends readonly unknown[], Response>(
    node: number | 'any',
    what: string,
    api: Api<Args, Response>,
    args: Args,
    purpose: Purpose = 'main',
  ): Promise<Response> {
    return this.send(node, what, purpose, (connection) => api.async(connection, ...args));
  }

  /** As `call`, for a request that `request` encodes. */
  async send<Response>(
    node: number | 'any',
    what: string,
    purpose: Purpose,
    request: (connection: Connection) => Promise<Response>,
  ): Promise<Response> {
    const pool = this.#pool(purpose);
    const brokers = node === 'any' ? this.#anyBrokers() : [await this.#broker(node)];
    const { connection, broker } = await this.#connect(pool, brokers);
    const address = addressOf(broker);
    try {
      const response = await request(connection);
      this.#answering.add(address);
      this.#silence = undefined;
      return response;
    } catch (reason) {
      let error = BrokerError.from(reason, what);
      if (error.code !== 'NETWORK') {
        this.#silence = undefined;
        throw error;
      }
      // After a time-out the library's connection cannot be used any more.
      void connection.close().catch(() => undefined);
      if (!this.#answering.has(address)) {
        const text = connectionFailure(reason, broker, this.#settings);
        error = new BrokerError('NETWORK', `${what}: ${text}`, { cause: reason });
        this.#isSilent(text);
      } else {
        this.#isSilent(`${address}: ${messageOf(reason)}`);
      }
      throw error;
    }
  }

  /** Repeats `work` while its error is retriable, for up to `timeoutMs`. Rejects with the last error. */
  async retry<Result>(work: () => Promise<Result>, timeoutMs: number, signal?: AbortSignal): Promise<Result> {
    const end = performance.now() + timeoutMs;
    for (let backoffMs = minBackoffMs; ; backoffMs = Math.min(2 * backoffMs, maxBackoffMs)) {
      try {
        return await work();
      } catch (reason) {
        if (!isRetriable(reason) || performance.now() + backoffMs > end) throw reason;
        if (this.signal.aborted || signal?.aborted === true) throw reason;
        if (!hasCode(reason, 'CONCURRENT_TRANSACTIONS', 'UNSTABLE_OFFSET_COMMIT')) this.forget();
      }
      await delay(backoffMs);
    }
  }

  /**
   * The partitions of topics, as of `maxAgeMs` ago at most. Rejects with a `BrokerError`, `UNKNOWN_TOPIC_OR_PARTITION` among
   * others.
   */
  async topics(
    names: readonly string[],
    maxAgeMs: number = metadataAgeMs,
  ): Promise<ReadonlyMap<string, TopicInfo>> {
    const oldest = performance.now() - maxAgeMs;
    if (names.some((name) => (this.#topics.get(name)?.at ?? -Infinity) < oldest)) await this.#refresh(names);
    return new Map(names.map((name) => [name, this.#topics.get(name)!])); // `#refresh` rejects if one is missing
  }

  /** The broker that leads a partition. Rejects with a `BrokerError`. */
  async leader(topic: string, partition: number): Promise<number> {
    const { leaders } = (await this.topics([topic])).get(topic)!; // `topics` rejects if it is missing
    const leader = leaders[partition] ?? -1;
    if (leader >= 0) return leader;
    this.#topics.delete(topic);
    throw new BrokerError('LEADER_NOT_AVAILABLE', `partition ${partition} of ${topic} has no leader`);
  }

  /** The broker that coordinates a consumer group or a transactional id. Rejects with a `BrokerError`. */
  async coordinator(type: 'group' | 'transaction', key: string): Promise<number> {
    const id = `${type}:${key}`;
    const known = this.#coordinators.get(id);
    if (known !== undefined) return known;
    const { findCoordinatorV4, FindCoordinatorKeyTypes: types } = this.library;
    const keyType = type === 'group' ? types.GROUP : types.TRANSACTION;
    const { coordinators } = await this.call('any', `the coordinator of ${key}`, findCoordinatorV4.api, [
      keyType,
      [key],
    ]);
    const [found] = coordinators;
    if (!found || found.nodeId < 0)
      throw new BrokerError('COORDINATOR_NOT_AVAILABLE', `${key} has no coordinator`);
    this.#brokers.set(found.nodeId, found);
    this.#coordinators.set(id, found.nodeId);
    return found.nodeId;
  }

  /** Forgets leaders and coordinators: a request has failed, and may belong to another broker. */
  forget(): void {
    this.#topics.clear();
    this.#coordinators.clear();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const [, connection] of [...this.#pools.values()].flatMap((pool) => [...pool])) {
      // The library would wait for the end of the attempt to connect.
      if (!connection.isConnected()) connection.socket.destroy();
    }
    await Promise.allSettled(Array.from(this.#pools.values(), (pool) => pool.close()));
  }

  #pool(purpose: Purpose): ConnectionPool {
    let pool = this.#pools.get(purpose);
    if (!pool) {
      const { clientId, tls, sasl } = this.#settings;
      pool = new this.library.ConnectionPool(clientId, {
        requestTimeout: purpose === 'group' ? 10 * requestTimeoutMs : requestTimeoutMs,
        maxInflights: 64,
        // A name can be sent to a host only, not to an address.
        ...(tls && { tls, tlsServerName: this.#bootstrap.some(({ host }) => isIP(host) === 0) }),
        ...(sasl && { sasl: { ...sasl } }),
      });
      this.#pools.set(purpose, pool);
    }
    return pool;
  }

  /** The known brokers, each once, beginning with the one that was used last. */
  #anyBrokers(): readonly Broker[] {
    const all = [...this.#bootstrap, ...this.#brokers.values()];
    const ordered = this.#preferred ? [this.#preferred, ...all] : all;
    return [...new Map(ordered.map((broker) => [addressOf(broker), broker])).values()];
  }

  /** Connects to the first of `brokers` that is reachable. Rejects with a `BrokerError` that has the reason of each. */
  async #connect(
    pool: ConnectionPool,
    brokers: readonly Broker[],
  ): Promise<{ readonly connection: Connection; readonly broker: Broker }> {
    const failures: unknown[] = [];
    const texts: string[] = [];
    for (const broker of brokers) {
      try {
        const established = pool.getEstablishedConnection(broker);
        const connection = established?.isConnected()
          ? established
          : await unlessAborted(pool.get(broker), this.signal);
        if (brokers.length > 1) this.#preferred = broker;
        return { connection, broker };
      } catch (reason) {
        if (this.signal.aborted) throw new BrokerError('NETWORK', 'the connections are closed');
        failures.push(reason);
        texts.push(connectionFailure(reason, broker, this.#settings));
      }
    }
    const text = texts.join('; ');
    this.#isSilent(text);
    const code = failures.every(isSignInFailure) ? 'AUTHENTICATION' : 'NETWORK';
    throw new BrokerError(code, text, { cause: failures.at(-1) });
  }

  #isSilent(text: string): void {
    this.#silence = { since: this.#silence?.since ?? performance.now(), text };
  }

  async #broker(node: number): Promise<Broker> {
    if (!this.#brokers.has(node)) await this.#refresh([]);
    const broker = this.#brokers.get(node);
    if (!broker) throw new BrokerError('NETWORK', `there is no broker ${node}`);
    return broker;
  }

  async #refresh(names: readonly string[]): Promise<void> {
    const { metadataV9 } = this.library;
    const what = names.length === 0 ? 'the brokers' : `topic ${names.join(', ')}`;
    const { brokers, topics } = await this.call('any', what, metadataV9.api, [[...names], false]);
    this.#brokers.clear();
    for (const broker of brokers) this.#brokers.set(broker.nodeId, broker);
    for (const { name, partitions } of topics) {
      if (typeof name !== 'string') continue;
      const leaders = new Array<number>(partitions.length).fill(-1);
      for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId;
      this.#topics.set(name, { leaders, at: performance.now() });
    }
  }
}

/** Resolves and rejects as `work` does, but rejects at once when the signal is aborted. */
function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(new Error('aborted'));
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}

function parseBroker(text: string): Broker {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535) {
    throw new UdfError('usage', `"${text}" is not a broker's address; write it as HOST:PORT`);
  }
  return { host: match[1] ?? match[2]!, port };
}
