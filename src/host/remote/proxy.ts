import { UdfWorker } from '../isolation/worker/udf-worker.js';
import type { UdfInfo } from '../isolation/worker/messages.js';
import type { WorkerSource } from '../isolation/worker/worker-supply.js';
import { servedInWorkers } from '../served-udf.js';
import {
  createSocketHost,
  type ServedSocket,
  type SocketHost,
  type SocketHostOptions,
} from '../socket-host.js';
import { remoteUrl } from './address.js';
import { type RemoteHost, remoteUdfs } from './dial.js';
import { type RemoteEvent, RemotePort, type RemotePortOptions } from './remote-port.js';

/** Several sessions hear of new code at once. */
const reloadDelayMs = 100;

/** A UDF of the host, and the socket that Kapacitor connects to for it. */
export interface RemoteSocket {
  readonly udf: UdfInfo;
  readonly path: string;
}

export interface ProxyOptions extends Omit<SocketHostOptions, 'sockets' | 'listen'> {
  readonly remote: RemoteHost;
  readonly sockets: readonly RemoteSocket[];
  /** Milliseconds between two signs of life. */
  readonly heartbeatMs?: number | undefined;
}

/** A proxy, and what it serves. */
export interface Proxy {
  readonly host: SocketHost;
  readonly sockets: readonly ServedSocket[];
}

/**
 * A host on sockets whose UDFs run on another machine: each connection of Kapacitor has a session there, which is kept
 * through any loss of the connection between the machines. Throws what `createSocketHost` does.
 */
export function createProxy(options: ProxyOptions): Proxy {
  const { remote, logger, heartbeatMs, ...others } = options;
  let reloadTimer: NodeJS.Timeout | undefined;
  const events = {
    onEvent: (event: RemoteEvent): void => {
      host.countEvent(event);
    },
    onReload: (): void => {
      reloadTimer ??= setTimeout(() => {
        reloadTimer = undefined;
        host.reload().catch(() => undefined); // it has logged the reason
      }, reloadDelayMs);
    },
  };
  const sockets = options.sockets.map(({ udf, path }) => {
    const { name } = udf;
    const port = { host: remote, udf: name, logger: logger.child({ udf: name }), heartbeatMs };
    const workers = new RemoteWorkers({ ...port, ...events });
    return { udf: servedInWorkers(udf, workers), path };
  });
  const host = createSocketHost({ ...others, logger, sockets });
  logger.info({ to: remoteUrl(remote.address) }, `UDFs run at ${remoteUrl(remote.address)}`);
  return { host, sockets };
}

/** Workers of one UDF on another machine. */
class RemoteWorkers implements WorkerSource {
  readonly localFiles: readonly string[] = [];
  readonly #options: RemotePortOptions;

  constructor(options: RemotePortOptions) {
    this.#options = options;
  }

  take(): UdfWorker {
    return new UdfWorker(new RemotePort(this.#options), this.#options.logger);
  }

  async load<Checked>(check: (udfs: ReadonlyMap<string, UdfInfo>) => Checked): Promise<Checked> {
    return check(await remoteUdfs(this.#options.host));
  }
}
