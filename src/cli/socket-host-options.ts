import { type Command, Option } from 'commander';
import { defaultSocketDir, socketPathIn } from '../host/socket-directory.js';
import { requireAnyOf } from './dependent-options.js';
import {
  configOption,
  socketDirOption,
  socketGroupOption,
  socketModeOption,
  type SocketOptions,
} from './options.js';
import { count, httpAddress } from './parse-values.js';

/** Options of `serve` and `proxy`, which listen for Kapacitor on a socket per UDF. */
export interface SocketHostFlags extends SocketOptions {
  readonly socketMode: number;
  readonly socketGroup?: string;
  readonly maxConnections: number;
  readonly http?: string;
  readonly httpPoints?: boolean;
}

/** Adds the options of the sockets and `--max-connections`. */
export function addSocketHostOptions(command: Command): Command {
  return command
    .addOption(socketDirOption())
    .addOption(configOption())
    .addOption(socketModeOption())
    .addOption(socketGroupOption())
    .addOption(
      new Option('--max-connections <n>', 'connections at a time; each use of a UDF in a task is one')
        .default(1024)
        .argParser(count(1)),
    );
}

/** Adds `--http` and `--http-points`. */
export function addHttpOptions(command: Command): Command {
  return requireAnyOf(command, ['httpPoints'], ['http'])
    .addOption(
      new Option(
        '--http <address>',
        'serve /healthz, /readyz, /metrics for Prometheus and a live page at / on this port, of this machine only unless written as host:port (default: not served)',
      ).argParser(httpAddress),
    )
    .option(
      '--http-points',
      'show points of tasks on the live page to all who reach it (default: only where that is this machine alone)',
    )
    .option('--no-http-points', 'show no points on the live page (default: see --http-points)');
}

/**
 * The UDFs to host, each with the path of its socket, and the names of those that Kapacitor starts itself by kapacitor.conf.
 * Throws as `chooseUdfs` and `configuredUdfs` do.
 */
export async function socketsOf<Udf extends { readonly name: string }>(
  udfs: ReadonlyMap<string, Udf>,
  names: readonly string[],
  { config, socketDir = defaultSocketDir }: SocketOptions,
): Promise<{
  readonly sockets: { readonly udf: Udf; readonly path: string }[];
  readonly processes: readonly string[];
}> {
  if (config !== undefined) {
    const { configuredUdfs } = await import('../kapacitor/conf.js');
    return configuredUdfs(config, names, udfs);
  }
  const { chooseUdfs } = await import('../host/available-udfs.js');
  const sockets = chooseUdfs(udfs, names).map((udf) => ({ udf, path: socketPathIn(socketDir, udf.name) }));
  return { sockets, processes: [] };
}
