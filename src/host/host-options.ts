import type { ConversationOptions } from '../agent/conversation-options.js';
import type { HostStats } from '../model/statistics.js';
import type { Logger } from '../telemetry/logger.js';
import type { UdfDefinition } from '../udf/definition.js';

/** How conversations are run, over sockets and over stdio alike. */
export interface ConnectionOptions extends ConversationOptions {
  /**
   * Keep the newest state of each use of a UDF in this directory, which is made if absent: a task then continues where it
   * was when its process ended, however that was. Not kept if not given.
   */
  readonly stateDir?: string | undefined;
  /** Milliseconds until the state of a use that does not run any more is removed: 30 days if not given. */
  readonly stateMaxAgeMs?: number | undefined;
}

export interface StdioOptions extends Omit<ConnectionOptions, 'logger'> {
  /**
   * Milliseconds that the conversation has to finish after SIGTERM, and that written output may stay unread after the
   * end of the input: 5000 if not given.
   */
  readonly drainMs?: number | undefined;
  /** Logs to standard error at level `info` if not given. */
  readonly logger?: Logger | undefined;
  /**
   * Ends the process with exit code 70 once the UDF has blocked its event loop for this long, so that Kapacitor reports it:
   * never if not given.
   */
  readonly stallLimitMs?: number | undefined;
}

/** A UDF and the socket that it is served on. */
export interface HostedSocket {
  readonly definition: UdfDefinition;
  readonly path: string;
}

export interface HostOptions extends ConnectionOptions {
  readonly sockets: readonly HostedSocket[];
  /** Connections at a time, over all sockets: 1024 if not given. */
  readonly maxConnections?: number | undefined;
  /** The mode of the socket files: 0o660 if not given. */
  readonly socketMode?: number | undefined;
  /** The group of the socket files, by name or number. */
  readonly socketGroup?: string | number | undefined;
  /** Milliseconds that connections have to finish when the host stops: 5000 if not given. */
  readonly drainMs?: number | undefined;
  /**
   * Serves `/healthz`, `/readyz` and `/metrics`, and a live page at `/`, over HTTP at this address: `PORT`, `HOST:PORT` or
   * `[IPV6]:PORT`. Without a host, only this machine reaches it. Not served if not given.
   */
  readonly http?: string | undefined;
  /** Whether the live page shows points: if not given, only where this machine alone reaches it. */
  readonly httpPoints?: boolean | undefined;
}

/** Whether a host accepts connections on all of its sockets, and if not, why. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** Many UDFs on many sockets in one process. */
export interface Host {
  /**
   * Listens on every socket. Can be called once.
   *
   * If one socket fails, none stays open, and it throws `socket_in_use` if another process answers there,
   * `socket_not_a_socket` if the path holds something else, `socket_path_too_long`, `socket_permission`, or
   * `socket_failed` for any other reason; the same codes for the port of `http`. `invalid_config` if the state directory
   * cannot be made, or another host uses it.
   */
  start(): Promise<void>;
  /** Accepts no more connections, removes the socket files, lets the connections finish, and closes. Never rejects. */
  stop(): Promise<void>;
  /** Removes the socket files only: for a process that exits without `stop`. */
  removeFiles(): void;
  readonly stats: HostStats;
  /** Adds to a counter of `stats.events`, which the metrics show. Kinds of events are words of the code, and so are few. */
  countEvent(event: string): void;
  readonly readiness: Readiness;
  /** The URL of the HTTP server, while it listens. */
  readonly httpUrl: string | undefined;
}
