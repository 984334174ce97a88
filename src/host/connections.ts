import type { Socket } from 'node:net';
import type { StateStore } from '../agent/state-store.js';
import type { Activity } from '../agent/activity.js';
import type { Agent } from '../agent/agent.js';
import type { UseId } from '../model/statistics.js';
import { UdfError } from '../model/errors.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import { drainPendingReads } from '../transport/drain-pending-reads.js';
import { socketTransport } from '../transport/socket-transport.js';
import type { Transport } from '../transport/transport.js';
import type { ConnectionOptions } from './host-options.js';
import type { IsolatedAgent } from './isolation/front/isolated-agent.js';
import type { ServedUdf } from './served-udf.js';
import { UseStatistics } from './use-statistics.js';

/** Called with each new connection, the name of its UDF and the path of its socket. */
export type ConnectionListener = (transport: Transport, udf: string, socket: string) => void;

/** How many workers were replaced, and why others were not. */
export interface ReloadResult {
  readonly reloaded: number;
  readonly errors: readonly UdfError[];
}

/** A host's connections, over all of its sockets. */
export class Connections {
  accepted = 0;
  refused = 0;
  /** Given to the connections to come. */
  stateStore: StateStore | undefined;
  readonly #options: ConnectionOptions;
  readonly #max: number;
  readonly #onConnection: ConnectionListener | undefined;
  readonly #activity: Activity | undefined;
  readonly statistics = new UseStatistics();
  readonly #open = new Set<Agent | IsolatedAgent>();
  readonly #refusals: RateLimitedLogger;

  constructor(
    options: ConnectionOptions,
    max: number,
    onConnection: ConnectionListener | undefined,
    activity: Activity | undefined,
  ) {
    this.#options = options;
    this.#max = max;
    this.#onConnection = onConnection;
    this.#activity = activity;
    this.#refusals = new RateLimitedLogger(options.logger);
  }

  get size(): number {
    return this.#open.size;
  }

  /** The open connections of a use. */
  of({ udf, task, node }: UseId): readonly Agent[] {
    return Array.from(this.#open).filter(
      (agent) => agent.use?.task === task && agent.use.node === node && this.statistics.udfOf(agent) === udf,
    );
  }

  /** Serves a UDF on a connection to the socket at `path`; closes it at once if too many are open. */
  accept(socket: Socket, udf: ServedUdf, path: string): void {
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
    this.#onConnection?.(transport, udf.name, path);
    const activity = udf.definition && this.#activity?.open(udf.name);
    const agent = udf.connect({
      ...this.#options,
      stateStore: this.stateStore,
      transport,
      logger,
      activity,
      guardsEnd: true,
    });
    this.#open.add(agent);
    this.statistics.opened(agent, udf.name);
    logger.debug({}, 'connected');
    void agent.closed.then(() => {
      this.#open.delete(agent);
      this.statistics.closed(agent);
      logger.debug({}, 'disconnected');
    });
  }

  /**
   * Replaces the workers of isolated UDFs, all at once, by ones that run the present code of their modules. Returns the
   * errors of those that could not be replaced, and continue.
   */
  async reload(): Promise<ReloadResult> {
    const agents = Array.from(this.#open).filter(isIsolated);
    const results = await Promise.allSettled(agents.map((agent) => agent.reload()));
    const errors = results.flatMap((result) =>
      result.status === 'rejected' ? [UdfError.from(result.reason)] : [],
    );
    return { reloaded: agents.length - errors.length, errors };
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

function isIsolated(agent: Agent | IsolatedAgent): agent is IsolatedAgent {
  return 'reload' in agent;
}
