import { UdfError } from '../../model/errors.js';
import type { HostStats } from '../../model/statistics.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Readiness } from '../host-options.js';
import type { ObservedHost } from '../http/page.js';
import type { HttpServer } from '../http/server.js';
import type { UdfInfo } from '../isolation/worker/messages.js';
import { onStopSignal } from '../process-end.js';
import { remoteUrl } from './address.js';
import { type RemoteHost, remoteUdfs } from './dial.js';

const firstDelayMs = 100;
const maxDelayMs = 5_000;

export interface WaitOptions {
  readonly logger: Logger;
  /** Serves health, readiness and metrics at this address meanwhile; not served if not given. */
  readonly http?: string | undefined;
  readonly httpPoints?: boolean | undefined;
}

/**
 * The UDFs of a host; waits for as long as it cannot be reached. `undefined` if SIGTERM, SIGINT or SIGHUP came before: the
 * process has nothing to finish then. Rejects as `remoteUdfs` does for all but `connection`, and as `startEndpoints`.
 */
export async function waitForHost(
  host: RemoteHost,
  options: WaitOptions,
): Promise<ReadonlyMap<string, UdfInfo> | undefined> {
  const { logger } = options;
  const signal = onStopSignal();
  const stopping = new AbortController();
  const waiting = new WaitingHost(remoteUrl(host.address));
  let endpoints: HttpServer | undefined;
  try {
    endpoints = await serveEndpoints(waiting, options);
    const stopped = signal.then((name) => {
      logger.info({ signal: name }, 'stopping');
      logger.info({}, 'stopped before the host had answered');
      return undefined;
    });
    return await Promise.race([askUntilAnswered(host, waiting, logger, stopping.signal), stopped]);
  } finally {
    stopping.abort();
    signal.release();
    await endpoints?.close();
  }
}

async function serveEndpoints(
  waiting: ObservedHost,
  { http, httpPoints, logger }: WaitOptions,
): Promise<HttpServer | undefined> {
  if (http === undefined) return undefined;
  const { startEndpoints } = await import('../http/endpoints.js');
  const server = await startEndpoints(http, waiting, logger, httpPoints);
  logger.info({ url: server.url }, `readiness at ${server.url}/readyz while the host is waited for`);
  return server;
}

async function askUntilAnswered(
  host: RemoteHost,
  waiting: WaitingHost,
  logger: Logger,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, UdfInfo> | undefined> {
  const isOver = (): boolean => signal.aborted;
  for (let delayMs = firstDelayMs; !isOver(); delayMs = Math.min(2 * delayMs, maxDelayMs)) {
    try {
      return await remoteUdfs(host);
    } catch (reason) {
      if (isOver()) break;
      const error = UdfError.from(reason);
      if (error.code !== 'connection') throw error;
      waiting.problem = error.message;
      logger.warn({ code: error.code }, `${error.message}; there are no sockets until it answers`);
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
  return undefined;
}

/** A proxy before it has sockets, for its endpoints. */
class WaitingHost implements ObservedHost {
  readonly stats: HostStats = {
    accepted: 0,
    refused: 0,
    events: {},
    udfs: [],
    uses: [],
    deadLetters: undefined,
    stateSaves: undefined,
  };
  /** Why the last attempt has failed. */
  problem: string | undefined;
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  get readiness(): Readiness {
    return { ready: false, reason: `the host has not answered yet: ${this.problem ?? this.#url}` };
  }

  connectionsOf(): readonly [] {
    return [];
  }
}
