import { Command, Option } from 'commander';
import { defaultSocketDir, socketPathIn, udfsWithSocket } from '../host/socket-directory.js';
import { messageOf } from '../model/errors.js';
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

interface CheckOptions extends SocketOptions, LogOptions {
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
    .option('--json', 'as JSON');
  return addLogOptions(command)
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf check --config /etc/kapacitor/kapacitor.conf')
    .action(check);
}

/** A socket that a UDF is expected on. */
interface ExpectedSocket {
  readonly name: string;
  readonly path: string;
}

async function check(names: readonly string[], options: CheckOptions): Promise<void> {
  const { probeSocket } = await import('../peer/probe-socket.js');
  const sockets = await socketsToCheck(names, options);
  const timeoutMs = Number(options.timeout / 1_000_000n);
  const probe = async ({ name, path }: ExpectedSocket) => {
    try {
      const { wants, provides, ms } = await probeSocket(path, timeoutMs);
      return { name, socket: path, ok: true as const, wants, provides, ms };
    } catch (reason) {
      return { name, socket: path, ok: false as const, error: messageOf(reason) };
    }
  };
  const results = await Promise.all(sockets.map(probe));
  if (options.json) {
    await printJson(results);
  } else {
    const width = Math.max(...sockets.map(({ name }) => name.length));
    const lines = results.map(({ name, socket, ...result }) => {
      const start = `${result.ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(width)}  ${socket}`;
      return result.ok
        ? `${start}  ${result.wants} -> ${result.provides}, ${result.ms} ms`
        : `${start}  ${result.error}`;
    });
    await print(lines.join('\n'));
  }
  if (!results.every(({ ok }) => ok)) throw new ExitCode(1);
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
