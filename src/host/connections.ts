import type { Socket } from 'node:net';
import { type Agent, createAgent } from '../agent/agent.js';
import { type AgentStats, noStats, sumOfStats } from '../model/statistics.js';
import { UdfError } from '../model/errors.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import { drainPendingReads } from '../transport/drain-pending-reads.js';
import { socketTransport } from '../transport/socket-transport.js';
import type { Transport } from '../transport/transport.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { ConnectionOptions } from './host-options.js';

/** Called with each new connection, the name of its UDF and the path of its socket. */
export type ConnectionListener = (transport: Transport, udf: string, socket: string) => void;

/** A host's connections, over all of its sockets. */
export class Connections {
  accepted = 0;
  refused = 0;
  readonly #options: ConnectionOptions;
  readonly #max: number;
  readonly #onConnection: ConnectionListener | undefined;
  readonly #open = new Map<Agent, string>();
  /** Statistics of ended connections, by UDF. */
  readonly #ended = new Map<string, AgentStats>();
  readonly #refusals: RateLimitedLogger;

  constructor(options: ConnectionOptions, max: number, onConnection: ConnectionListener | undefined) {
    this.#options = options;
    this.#max = max;
    this.#onConnection = onConnection;
    this.#refusals = new RateLimitedLogger(options.logger);
  }

  get size(): number {
    return this.#open.size;
  }

  /** A UDF's statistics since the start, over all of its connections, and how many are open. */
  statsOf(udf: string): { readonly connections: number; readonly stats: AgentStats } {
    const open = [...this.#open].filter(([, name]) => name === udf).map(([agent]) => agent.stats);
    return { connections: open.length, stats: open.reduce(sumOfStats, this.#ended.get(udf) ?? noStats) };
  }

  /** Serves a UDF on a connection to the socket at `path`; closes it at once if too many are open. */
  accept(socket: Socket, definition: UdfDefinition, path: string): void {
    if (this.#open.size >= this.#max) {
      this.refused++;
      this.#refusals.error(
        () => ({ code: 'limit', socket: path }),
        `connection refused: ${this.#max} are open (maxConnections)`,
      );
      socket.destroy();
      return;
    }
    const transport = socketTransport(socket, `unix:${path}#${++this.accepted}`);
    const logger = this.#options.logger.child({ connection: transport.description });
    this.#onConnection?.(transport, definition.name, path);
    const agent = createAgent({ ...this.#options, definition, transport, logger });
    this.#open.set(agent, definition.name);
    logger.debug({}, 'connected');
    void agent.closed.then(() => {
      this.#open.delete(agent);
      const ended = { ...agent.stats, groups: 0 }; // the state went with the connection
      this.#ended.set(definition.name, sumOfStats(this.#ended.get(definition.name) ?? noStats, ended));
      logger.debug({}, 'disconnected');
    });
  }

  /** Ends all: each handles and answers what has been received, and is cut off after `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    const timer = setTimeout(() => {
      this.#options.logger.warn(
        { connections: this.#open.size },
        `connections are cut off: not drained within ${withinMs} ms`,
      );
      for (const agent of this.#open.keys()) agent.destroy(new UdfError('connection', 'the host stops'));
    }, withinMs);
    await drainPendingReads(withinMs, () =>
      Array.from(this.#open.keys()).reduce((sum, { stats }) => sum + stats.bytesIn, 0),
    );
    await Promise.all(Array.from(this.#open.keys(), (agent) => agent.drain()));
    clearTimeout(timer);
  }
}
