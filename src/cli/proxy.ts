import { Command } from 'commander';
import type { RemoteAddress } from '../host/remote/address.js';
import { journalOption } from './isolation-options.js';
import {
  addRemoteRunOptions,
  connectionOptions,
  openDeadLetters,
  type RunOptions,
  watchdogSettings,
} from './options.js';
import {
  addRemoteOptions,
  type RemoteFlags,
  remoteSettings,
  tlsNameOption,
  toOption,
} from './remote-options.js';
import {
  addHttpOptions,
  addSocketHostOptions,
  type SocketHostFlags,
  socketsOf,
} from './socket-host-options.js';

interface ProxyOptions extends RunOptions, SocketHostFlags, RemoteFlags {
  readonly to: RemoteAddress;
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
    .addOption(toOption('where the host listens: tls://HOST:PORT, or tcp://HOST:PORT').makeOptionMandatory());
  addSocketHostOptions(command).addOption(tlsNameOption()).addOption(journalOption());
  return addRemoteRunOptions(addHttpOptions(addRemoteOptions(command, 'to')))
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
  const [{ Activity }, { createProxy }, { waitForHost }, { runUntilSignal }, { tuneV8ForWorkers }] =
    await Promise.all([
      import('../agent/activity.js'),
      import('../host/remote/proxy.js'),
      import('../host/remote/wait-for-host.js'),
      import('../host/run-host.js'),
      import('../host/tune-v8.js'),
    ]);
  tuneV8ForWorkers();
  const settings = await connectionOptions(options);
  const { logger } = settings;
  const udfs = await waitForHost(remote, { logger, http: options.http, httpPoints: options.httpPoints });
  if (!udfs) return;
  const { sockets } = await socketsOf(udfs, names, options);
  const deadLetters = await openDeadLetters(options, logger);
  const { socketMode, socketGroup, maxConnections, drainMs, http, httpPoints } = options;
  const activity = new Activity();
  const served = createProxy({
    ...settings,
    remote,
    deadLetters,
    activity,
    sockets,
    socketMode,
    socketGroup,
    maxConnections,
    drainMs,
    http,
    httpPoints,
  });
  await runUntilSignal(
    served.host,
    { logger, activity, sockets: served.sockets, drainMs, ...watchdogSettings(options) },
    () => deadLetters?.close() ?? Promise.resolve(),
  );
}
