import type { Socket } from 'node:net';
import { type Agent, createAgent } from '../agent/agent.js';
import type { InstanceDefaults } from '../agent/instance.js';
import { LimitedLog } from '../agent/limited-log.js';
import type { Limits } from '../agent/limits.js';
import type { AgentStats } from '../agent/stats.js';
import { UdfError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';
import { socketTransport } from '../transport/socket-transport.js';
import type { UdfDefinition } from '../udf/definition.js';

export interface ConnectionOptions extends InstanceDefaults {
  readonly logger: Logger;
  readonly limits?: Partial<Limits> | undefined;
  readonly strictRestore?: boolean | undefined;
}

/** The connections of a host, whatever sockets they came in on. */
export class Connections {
  accepted = 0;
  refused = 0;
  readonly #options: ConnectionOptions;
  readonly #max: number;
  readonly #open = new Map<Agent, string>();
  readonly #refusals: LimitedLog;

  constructor(options: ConnectionOptions, max: number) {
    this.#options = options;
    this.#max = max;
    this.#refusals = new LimitedLog(options.logger);
  }

  get size(): number {
    return this.#open.size;
  }

  /** The open ones: the UDF of each, and what it has done. */
  get stats(): { readonly udf: string; readonly stats: AgentStats }[] {
    return [...this.#open].map(([agent, udf]) => ({ udf, stats: agent.stats }));
  }

  /** Serves a UDF on a connection that has come in on the socket at `path`, unless there are too many. */
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
    const agent = createAgent({ ...this.#options, definition, transport, logger });
    this.#open.set(agent, definition.name);
    logger.debug({}, 'connected');
    void agent.closed.then(() => {
      this.#open.delete(agent);
      logger.debug({}, 'disconnected');
    });
  }

  /** Ends all: each finishes and sends what has come, and is cut off if that takes longer than `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    const timer = setTimeout(() => {
      this.#options.logger.warn(
        { connections: this.#open.size },
        `connections are cut off: not drained within ${withinMs} ms`,
      );
      for (const agent of this.#open.keys()) agent.destroy(new UdfError('connection', 'the host stops'));
    }, withinMs);
    await Promise.all(Array.from(this.#open.keys(), (agent) => agent.drain()));
    clearTimeout(timer);
  }
}
