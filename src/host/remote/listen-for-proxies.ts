import type { Logger } from '../../telemetry/logger.js';
import { UdfError } from '../../model/errors.js';
import type { IsolatedUdf } from '../served-udf.js';
import { isLoopback } from '../http/address.js';
import { type RemoteAddress, remoteUrl } from './address.js';
import type { RemoteServer } from './remote-server.js';
import type { TlsFiles } from './tls-files.js';

/** Where a host listens for proxies. */
export interface ListenOptions {
  readonly address: RemoteAddress;
  /** For `tls://`. */
  readonly tls?: TlsFiles | undefined;
}

interface HostSettings {
  readonly listen?: ListenOptions | undefined;
  readonly maxConnections?: number | undefined;
  readonly logger: Logger;
}

/**
 * Listens for proxies if `listen` is given: they reach all isolated UDFs. Rejects as `startRemoteServer` does, and with `usage`
 * if no UDF is isolated.
 */
export async function listenForProxies(
  { listen, maxConnections = 1024, logger }: HostSettings,
  isolated: readonly IsolatedUdf[],
  events: { countEvent(event: string): void },
): Promise<RemoteServer | undefined> {
  if (!listen) return undefined;
  const { workers } = isolated[0] ?? {}; // all have the same
  if (!workers?.takeThread) throw new UdfError('usage', 'only isolated UDFs can be reached by proxies');
  const { startRemoteServer } = await import('./remote-server.js');
  const server = await startRemoteServer({
    ...listen,
    takeThread: workers.takeThread.bind(workers),
    udfs: () => [...new Map(isolated.map(({ info }) => [info.name, info])).values()],
    maxSessions: maxConnections,
    logger,
    onEvent: (event) => {
      events.countEvent(event);
    },
  });
  const { address } = listen;
  if (!address.tls && !isLoopback(address.host)) {
    logger.warn({}, `${remoteUrl(address)} is neither encrypted nor restricted (--allow-plaintext)`);
  }
  logger.info(
    { url: server.url },
    `proxies reach ${isolated.map(({ info }) => info.name).join(', ')} at ${server.url}`,
  );
  return server;
}
