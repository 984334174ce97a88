import type { Socket } from 'node:net';
import { type Agent, createAgent } from '../agent/agent.js';
import { UdfError } from '../model/errors.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import { drainPendingReads } from '../transport/drain-pending-reads.js';
import { socketTransport } from '../transport/socket-transport.js';
import type { Transport } from '../transport/transport.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { ConnectionOptions } from './host-options.js';
import { UseStatistics } from './use-statistics.js';

/** Called with each new connection, the name of its UDF and the path of its socket. */
export type ConnectionListener = (transport: Transport, udf: string, socket: string) => void;

/** A host's connections, over all of its sockets. */
export class Connections {
  accepted = 0;
  refused = 0;
  readonly #options: ConnectionOptions;
  readonly #max: number;
  readonly #onConnection: ConnectionListener | undefined;
  readonly statistics = new UseStatistics();
  readonly #open = new Set<Agent>();
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
    this.#open.add(agent);
    this.statistics.opened(agent, definition.name);
    logger.debug({}, 'connected');
    void agent.closed.then(() => {
      this.#open.delete(agent);
      this.statistics.closed(agent);
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
      for (const agent of this.#open) agent.destroy(new UdfError('connection', 'the host stops'));
    }, withinMs);
    await drainPendingReads(withinMs, () =>
      Array.from(this.#open).reduce((sum, { stats }) => sum + stats.bytesIn, 0),
    );
    await Promise.all(Array.from(this.#open, (agent) => agent.drain()));
    clearTimeout(timer);
  }
}
