import { Command } from 'commander';
import type { RemoteAddress } from '../host/remote/address.js';
import type { UdfInfo } from '../host/isolation/worker/messages.js';
import type { RemoteSocket } from '../host/remote/proxy.js';
import { defaultSocketDir, socketPathIn } from '../host/socket-directory.js';
import { addHttpOptions, maxConnectionsOption } from './http-options.js';
import { journalOption } from './isolation-options.js';
import {
  addRemoteRunOptions,
  configOption,
  connectionOptions,
  openDeadLetters,
  type RunOptions,
  socketDirOption,
  socketGroupOption,
  socketModeOption,
  type SocketOptions,
  watchdogSettings,
} from './options.js';
import {
  addRemoteOptions,
  type RemoteFlags,
  remoteSettings,
  tlsNameOption,
  toOption,
} from './remote-options.js';

interface ProxyOptions extends RunOptions, SocketOptions, RemoteFlags {
  readonly to: RemoteAddress;
  readonly socketMode: number;
  readonly socketGroup?: string;
  readonly maxConnections: number;
  readonly http?: string;
  readonly httpPoints?: boolean;
}

/** `proxy`: sockets for Kapacitor whose UDFs run on another machine. */
export function proxyCommand(): Command {
  const command = new Command('proxy')
    .summary('connect Kapacitor to UDFs on another machine')
    .description(
      'Listens on Unix sockets for Kapacitor, and lets the UDFs of a host that was started with serve --listen do the ' +
        'work. When the connection is lost or that host starts again, it keeps what Kapacitor sends, answers its ' +
        'keepalives, connects again and continues: no point is lost or comes twice. Ends at SIGTERM or SIGINT.',
    )
    .argument('[name...]', 'UDFs to connect (default: all of the host)')
    .addOption(toOption('where the host listens: tls://HOST:PORT, or tcp://HOST:PORT').makeOptionMandatory())
    .addOption(socketDirOption())
    .addOption(configOption())
    .addOption(socketModeOption())
    .addOption(socketGroupOption())
    .addOption(maxConnectionsOption())
    .addOption(tlsNameOption())
    .addOption(journalOption());
  return addRemoteRunOptions(addHttpOptions(addRemoteOptions(command)))
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  $ kapacitor-udf proxy --to tcp://127.0.0.1:9070 --socket-dir /tmp/udf\n' +
        '  $ kapacitor-udf proxy --to tls://udf.example.com:9070 --config /etc/kapacitor/kapacitor.conf \\\n' +
        '      --tls-cert proxy.pem --tls-key proxy.key --tls-ca ca.pem',
    )
    .action(proxy);
}

async function proxy(names: readonly string[], options: ProxyOptions): Promise<void> {
  const address = options.to;
  const remote = { address, ...remoteSettings(address, options) };
  const [{ Activity }, { awaitRemoteUdfs, createProxy }, { runUntilSignal }, { tuneV8ForWorkers }] =
    await Promise.all([
      import('../agent/activity.js'),
      import('../host/remote/proxy.js'),
      import('../host/run-host.js'),
      import('../host/tune-v8.js'),
    ]);
  tuneV8ForWorkers();
  const settings = await connectionOptions(options);
  const { logger } = settings;
  const udfs = await awaitRemoteUdfs(remote, logger);
  const sockets = await socketsOf(udfs, names, options);
  const deadLetters = await openDeadLetters(options, logger);
  const { socketMode, socketGroup, maxConnections, drainMs, http, httpPoints } = options;
  const activity = new Activity();
  const served = createProxy({
    ...{ ...settings, remote, deadLetters, activity },
    ...{ sockets, socketMode, socketGroup, maxConnections, drainMs, http, httpPoints },
  });
  await runUntilSignal(
    served.host,
    { logger, activity, sockets: served.sockets, drainMs, ...watchdogSettings(options) },
    () => deadLetters?.close() ?? Promise.resolve(),
  );
}

async function socketsOf(
  udfs: ReadonlyMap<string, UdfInfo>,
  names: readonly string[],
  { config, socketDir = defaultSocketDir }: ProxyOptions,
): Promise<readonly RemoteSocket[]> {
  if (config === undefined) {
    const { chooseUdfs } = await import('../host/available-udfs.js');
    return chooseUdfs(udfs, names).map((udf) => ({ udf, path: socketPathIn(socketDir, udf.name) }));
  }
  const { configuredUdfs } = await import('../kapacitor/conf.js');
  return configuredUdfs(config, names, udfs).sockets;
}
