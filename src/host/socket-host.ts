import { createServer, type Server, type Socket } from 'node:net';
import { relative, resolve } from 'node:path';
import type { Activity } from '../agent/activity.js';
import { defaultsProblem } from '../agent/defaults.js';
import { resolveLimits } from '../agent/limits.js';
import { maxTimerMs } from '../model/duration.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { Agent } from '../agent/agent.js';
import type { HostStats, UseId } from '../model/statistics.js';
import { type ConnectionListener, Connections, type ReloadResult } from './connections.js';
import { parseHttpAddress } from './http/address.js';
import type { HttpServer } from './http/server.js';
import type { Host, HostOptions, Readiness } from './host-options.js';
import { listenOnSocket, type SocketAccess, type SocketFile } from './socket-file.js';
import { controlPathOf, openControlSocket } from './control-socket.js';
import { type IsolatedUdf, loadAgain, type ServedUdf } from './served-udf.js';
import { openStateDirectory, stateOptionsProblem } from './state/open-state-directory.js';
import type { StateDirectory } from './state/state-directory.js';
import { type ListenOptions, listenForProxies } from './remote/listen-for-proxies.js';
import type { RemoteServer } from './remote/remote-server.js';
import { openFilesWarning } from './open-files.js';
import { groupNumber } from './unix-group.js';
import { statsByUdf } from './use-statistics.js';

/** A UDF and the socket that it is served on. */
export interface ServedSocket {
  readonly udf: ServedUdf;
  readonly path: string;
}

export interface SocketHostOptions extends Omit<HostOptions, 'sockets'> {
  readonly sockets: readonly ServedSocket[];
  /** Called with each new connection before its agent reads from it. */
  readonly onConnection?: ConnectionListener | undefined;
  /** Where connections note what they do. */
  readonly activity?: Activity | undefined;
  /** Where proxies of other machines reach the isolated UDFs too. */
  readonly listen?: ListenOptions | undefined;
}

/** A host of which some UDFs may run in workers. */
export interface SocketHost extends Host {
  /**
   * Replaces the workers of isolated UDFs by ones that run the present code of their modules, with the same state. Those
   * that cannot be replaced continue. `changed`: the files that are the reason, for the log.
   */
  reload(changed?: readonly string[]): Promise<ReloadResult>;
  /** The local files of the isolated UDFs' modules: those that they import included, installed packages not. */
  readonly moduleFiles: readonly string[];
}

/** As `createHost`, for UDFs that may run in workers. */
export function createSocketHost(options: SocketHostOptions): SocketHost {
  const problem = hostProblem(options);
  if (problem !== undefined) throw new UdfError('invalid_config', problem);
  resolveLimits(options.limits); // throws for a wrong limit now, not at the first connection
  return new SocketsHost(options);
}

/** A socket that is open. */
interface Listening {
  readonly path: string;
  readonly server: Server;
  readonly file: SocketFile;
}

const defaultMaxConnections = 1024;

class SocketsHost implements SocketHost {
  readonly #options: SocketHostOptions;
  readonly #access: SocketAccess;
  readonly #connections: Connections;
  readonly #listening: Listening[] = [];
  readonly #events: Record<string, number> = {};
  #http: HttpServer | undefined;
  #remote: RemoteServer | undefined;
  #states: StateDirectory | undefined;
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: SocketHostOptions) {
    const { socketMode: mode = 0o660, socketGroup: group, maxConnections = defaultMaxConnections } = options;
    this.#options = options;
    this.#access = { mode, gid: group === undefined ? undefined : groupNumber(group) };
    this.#connections = new Connections(options, maxConnections, options.onConnection, options.activity);
  }

  get stats(): HostStats {
    const { accepted, refused, statistics } = this.#connections;
    const uses = statistics.uses();
    const names = new Set(this.#options.sockets.map(({ udf }) => udf.name));
    return {
      accepted,
      refused,
      events: { ...this.#events },
      udfs: statsByUdf(names, uses),
      uses,
      deadLetters: this.#options.deadLetters?.stats,
      stateSaves: this.#states?.stats,
    };
  }

  countEvent(event: string): void {
    this.#events[event] = (this.#events[event] ?? 0) + 1;
  }

  get readiness(): Readiness {
    if (this.#stopped) return { ready: false, reason: 'the host stops' };
    const { sockets } = this.#options;
    const { length } = this.#listening;
    if (length < sockets.length) {
      return { ready: false, reason: `the host starts: ${length} of ${sockets.length} sockets listen` };
    }
    const lost = this.#listening.find(({ file }) => !file.exists());
    if (!lost) return { ready: true };
    return { ready: false, reason: `the socket ${lost.path} was removed or replaced; restart the host` };
  }

  get httpUrl(): string | undefined {
    return this.#http?.url;
  }

  connectionsOf(use: UseId): readonly Agent[] {
    return this.#connections.of(use);
  }

  start(): Promise<void> {
    if (this.#started || this.#stopped) {
      return Promise.reject(new UdfError('invalid_argument', 'a host can be started once'));
    }
    this.#started = this.#openAll();
    return this.#started;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  get moduleFiles(): readonly string[] {
    return this.#isolated[0]?.workers.localFiles ?? []; // all have the same modules
  }

  get #isolated(): IsolatedUdf[] {
    return this.#options.sockets.flatMap(({ udf }) => udf.isolated ?? []);
  }

  async reload(changed?: readonly string[]): Promise<ReloadResult> {
    const { logger } = this.#options;
    const after = changed ? ` after a change of ${changed.map(shownPath).join(', ')}` : '';
    try {
      await loadAgain(this.#isolated);
      const result = await this.#connections.reload();
      this.#remote?.reload();
      for (const error of result.errors) {
        logger.error({ code: error.code, err: error }, `a worker was not replaced: ${error.message}`);
      }
      logger.info({ workers: result.reloaded }, `reloaded${after}`);
      return result;
    } catch (reason) {
      const error = UdfError.from(reason);
      logger.error(
        { code: error.code, err: error },
        `not reloaded, the old code continues: ${error.message}`,
      );
      throw error;
    }
  }

  removeFiles(): void {
    for (const { file } of this.#listening) this.#remove(file);
  }

  async #openAll(): Promise<void> {
    const warning = openFilesWarning(this.#options.maxConnections ?? defaultMaxConnections);
    if (warning !== undefined) this.#options.logger.warn({ code: 'limit' }, warning);
    try {
      await this.#openHttp();
      this.#states = await openStateDirectory({ ...this.#options, isShared: false });
      this.#connections.stateStore = this.#states;
      for (const socket of this.#options.sockets) {
        await this.#open(socket);
        if (this.#stopped) return;
      }
      this.#remote = await listenForProxies(this.#options, this.#isolated, this);
      const first = this.#options.sockets.find(({ udf }) => udf.isolated);
      if (first) {
        const path = controlPathOf(resolve(first.path));
        this.#listening.push({ path, ...(await openControlSocket(path, this)) });
      }
    } catch (reason) {
      await this.#closeAll();
      throw reason;
    }
  }

  /** First, so that it answers while the sockets are opened. */
  async #openHttp(): Promise<void> {
    const { http, logger } = this.#options;
    if (http === undefined) return;
    const { startEndpoints } = await import('./http/endpoints.js');
    this.#http = await startEndpoints(http, this, logger, this.#options.httpPoints);
    logger.info(
      { url: this.#http.url },
      `metrics at ${this.#http.url}/metrics, live page at ${this.#http.url}/`,
    );
  }

  async #open({ udf, path }: ServedSocket): Promise<void> {
    const { logger } = this.#options;
    // Half-open: when Kapacitor has sent all, it still waits for the last points.
    const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
      this.#connections.accept(socket, udf, path);
    });
    const file = await listenOnSocket(server, resolve(path), this.#access);
    server.on('error', (err) => {
      logger.error({ err, socket: path }, `cannot accept a connection: ${err.message}`);
    });
    this.#listening.push({ path, server, file });
    logger.info({ udf: udf.name, socket: path }, `${udf.name} listens on ${path}`);
  }

  async #stop(): Promise<void> {
    await this.#started?.catch(() => undefined); // start() itself reports the error
    await this.#closeAll();
  }

  async #closeAll(): Promise<void> {
    this.removeFiles();
    const closed = this.#listening.splice(0).map(
      ({ server }) =>
        new Promise((done) => {
          server.close(done);
        }),
    );
    await this.#remote?.close();
    await this.#connections.drain(this.#options.drainMs ?? 5_000);
    await Promise.all(closed);
    await this.#states?.close();
    await this.#http?.close();
    this.#http = undefined;
  }

  #remove(file: SocketFile): void {
    try {
      file.remove();
    } catch (err) {
      this.#options.logger.warn({ err }, 'a socket file cannot be removed; the next start replaces it');
    }
  }
}

/** A path from the current directory, if it is below that. */
function shownPath(path: string): string {
  const below = relative('', path);
  return below.startsWith('..') ? path : below;
}

function hostProblem(options: SocketHostOptions): string | undefined {
  const { sockets, maxConnections = 1, socketMode = 0, drainMs = 0, onError, http } = options;
  if (sockets.length === 0) return 'there is no socket to listen on';
  const paths = sockets.map(({ path }) => resolve(path));
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  if (twice !== undefined) return `two UDFs cannot share the socket ${twice}`;
  if (!Number.isInteger(maxConnections) || maxConnections < 1) {
    return `maxConnections must be a whole number from 1, got ${maxConnections}`;
  }
  if (!Number.isInteger(socketMode) || socketMode < 0 || socketMode > 0o777) {
    return `socketMode must be from 0 to 0o777, got ${socketMode}`;
  }
  if (!Number.isInteger(drainMs) || drainMs < 0 || drainMs > maxTimerMs)
    return `drainMs must be a whole number from 0 to ${maxTimerMs}, got ${drainMs}`;
  const unfit = sockets.find(({ udf: { wants, provides } }) => wants !== provides);
  if (http !== undefined) {
    try {
      parseHttpAddress(http);
    } catch (reason) {
      return `http: ${messageOf(reason)}`;
    }
  }
  if (onError === 'pass' && unfit) {
    return `onError 'pass' needs UDFs that provide what they want; ${unfit.udf.name} does not`;
  }
  return stateOptionsProblem(options) ?? defaultsProblem(options);
}
