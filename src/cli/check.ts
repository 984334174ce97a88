import { Command, Option } from 'commander';
import { defaultSocketDir, socketPathIn, udfsWithSocket } from '../host/socket-directory.js';
import type { RemoteAddress } from '../host/remote/address.js';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { runtimeOptions } from '../udf/runtime-options.js';
import {
  addRemoteOptions,
  type RemoteFlags,
  remoteSettings,
  tlsNameOption,
  toOption,
} from './remote-options.js';
import { ExitCode } from './exit-code.js';
import {
  addLogOptions,
  configOption,
  type LogOptions,
  socketDirOption,
  type SocketOptions,
} from './options.js';
import { timerDuration } from './parse-values.js';
import { print, printJson } from './print.js';

interface CheckOptions extends SocketOptions, LogOptions, RemoteFlags {
  readonly to?: RemoteAddress;
  readonly timeout: bigint;
  readonly json?: true;
}

/** `check`: whether the UDF on each socket answers. */
export function checkCommand(): Command {
  const command = new Command('check')
    .summary('ask UDFs on sockets whether they are there')
    .description(
      'Asks on each socket what the UDF there is, as Kapacitor does when it starts, and for a keepalive. Prints a line ' +
        'a socket; exits with 0 only if all answer.',
    )
    .argument('[name...]', 'UDFs that must be there (default: all with a socket in the directory or file)')
    .addOption(socketDirOption())
    .addOption(configOption())
    .addOption(
      new Option('--timeout <duration>', 'how long each may take to answer')
        .default(5_000_000_000n, '5s')
        .argParser(timerDuration('1ms')),
    )
    .option('--json', 'as JSON')
    .addOption(
      toOption('ask the host that listens there, instead of sockets').conflicts(['socketDir', 'config']),
    )
    .addOption(tlsNameOption());
  return addLogOptions(addRemoteOptions(command, 'to'))
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf check --config /etc/kapacitor/kapacitor.conf')
    .action(check);
}

/** A socket that a UDF is expected on. */
interface ExpectedSocket {
  readonly name: string;
  readonly path: string;
}

/** What a UDF has answered. */
type Result = { readonly name: string; readonly socket: string } & (
  | {
      readonly ok: true;
      readonly wants: string;
      readonly provides: string;
      /** The names of its own options, without those of the runtime. */
      readonly options: readonly string[];
      readonly ms: number;
    }
  | { readonly ok: false; readonly error: string }
);

async function check(names: readonly string[], options: CheckOptions): Promise<void> {
  const timeoutMs = Number(options.timeout / 1_000_000n);
  const results = options.to
    ? await checkRemote(names, options.to, options)
    : await checkSockets(await socketsToCheck(names, options), timeoutMs, options);
  if (options.json) {
    await printJson(results);
  } else {
    const width = Math.max(...results.map(({ name }) => name.length));
    const lines = results.map(({ name, socket, ...result }) => {
      const start = `${result.ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(width)}  ${socket}`;
      return result.ok
        ? `${start}  ${result.wants} -> ${result.provides}, ${result.ms} ms${optionsText(result.options)}`
        : `${start}  ${result.error}`;
    });
    await print(lines.join('\n'));
  }
  if (!results.every(({ ok }) => ok)) throw new ExitCode(1);
}

/** More options of a UDF are only counted; `list NAME` explains them. */
const maxPrintedOptions = 8;

/** `; options as, field`; empty if there are none. */
function optionsText(options: readonly string[]): string {
  if (options.length === 0) return '';
  const more = options.length - maxPrintedOptions;
  const names = options.slice(0, maxPrintedOptions).join(', ');
  return `; options ${names}${more > 0 ? ` and ${more} more` : ''}`;
}

function ownOptions(options: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(options)
    .filter((name) => !Object.hasOwn(runtimeOptions, name))
    .sort();
}

async function checkSockets(
  sockets: readonly ExpectedSocket[],
  timeoutMs: number,
  flags: CheckOptions,
): Promise<Result[]> {
  const { probeSocket } = await import('../peer/probe-socket.js');
  const probe = async ({ name, path: socket }: ExpectedSocket): Promise<Result> => {
    try {
      const { wants, provides, options, ms } = await probeSocket(socket, timeoutMs);
      return { name, socket, ok: true, wants, provides, options: ownOptions(options), ms };
    } catch (reason) {
      return { name, socket, ok: false, error: `${messageOf(reason)}${hostHint(reason, name, flags)}` };
    }
  };
  return Promise.all(sockets.map(probe));
}

/** How to start the host that is missing; empty for a socket on which a process listens. */
function hostHint(reason: unknown, name: string, { config, socketDir }: CheckOptions): string {
  const code = reason instanceof UdfError ? systemCode(reason.cause) : undefined;
  if (code !== 'ENOENT' && code !== 'ECONNREFUSED') return '';
  const where =
    config === undefined
      ? `${name}${socketDir === undefined ? '' : ` --socket-dir ${socketDir}`}`
      : `--config ${config}`;
  return `; start the host: kapacitor-udf serve ${where}`;
}

/** Asks a host that listens for proxies for its UDFs. If it does not answer, none of them does. */
async function checkRemote(
  names: readonly string[],
  address: RemoteAddress,
  flags: RemoteFlags,
): Promise<Result[]> {
  const [{ remoteUdfs }, { remoteUrl }] = await Promise.all([
    import('../host/remote/dial.js'),
    import('../host/remote/address.js'),
  ]);
  const socket = remoteUrl(address);
  const started = performance.now();
  try {
    const udfs = await remoteUdfs({ address, ...remoteSettings(address, flags) });
    const ms = Math.round((performance.now() - started) * 10) / 10;
    return (names.length > 0 ? names : [...udfs.keys()]).map((name) => {
      const udf = udfs.get(name);
      if (!udf) return { name, socket, ok: false, error: `the host has ${[...udfs.keys()].join(', ')}` };
      const { wants, provides, options } = udf;
      return { name, socket, ok: true, wants, provides, options: ownOptions(options), ms };
    });
  } catch (reason) {
    if (UdfError.from(reason).code === 'usage') throw reason;
    const error = messageOf(reason);
    return (names.length > 0 ? names : ['host']).map((name) => ({ name, socket, ok: false, error }));
  }
}

async function socketsToCheck(
  names: readonly string[],
  options: CheckOptions,
): Promise<readonly ExpectedSocket[]> {
  if (options.config !== undefined) {
    const { configuredSockets } = await import('../kapacitor/conf.js');
    return configuredSockets(options.config, names).sockets;
  }
  const { socketDir = defaultSocketDir } = options;
  const found = names.length > 0 ? names : udfsWithSocket(socketDir);
  return found.map((name) => ({ name, path: socketPathIn(socketDir, name) }));
}
