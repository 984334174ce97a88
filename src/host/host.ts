import type { Host, HostOptions } from './host-options.js';
import { servedHere } from './served-udf.js';
import { createSocketHost } from './socket-host.js';

export type { Host, HostedSocket, HostOptions, Readiness } from './host-options.js';

// Apart from createSocketHost, so that the declarations of the public API compile without @types/node.
/**
 * Hosts UDFs; `start` makes it listen. `serve` does so with defaults, and handles signals too.
 *
 * Throws `invalid_config` for sockets, a mode, a group or a policy that cannot be used, and `invalid_argument` for an
 * invalid limit.
 */
export function createHost(options: HostOptions): Host {
  const sockets = options.sockets.map(({ definition, path }) => ({ udf: servedHere(definition), path }));
  return createSocketHost({ ...options, sockets });
}
