import { Command } from 'commander';
import { defaultSocketDir } from '../host/socket-directory.js';
import { ExitCode } from './exit-code.js';
import { configOption, socketDirOption, type SocketOptions } from './options.js';
import { print, printJson } from './print.js';

interface ReloadOptions extends SocketOptions {
  readonly json?: true;
}

/** `reload`: new code for the isolated UDFs of a running host. */
export function reloadCommand(): Command {
  return new Command('reload')
    .summary('run the present code of loaded modules in a host with --isolate')
    .description(
      "Asks the host of these sockets to replace the workers of its isolated UDFs by ones that run the modules' present " +
        'code. They continue with the same state, through migrate where its version rose; Kapacitor notices nothing and no ' +
        'point is lost. If a module cannot be loaded, or a UDF has other options or edges, all is left as it is. SIGHUP does ' +
        'the same, with the result in the log. Exits with 1 unless all workers are replaced.',
    )
    .addOption(socketDirOption())
    .addOption(configOption())
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf reload --socket-dir /var/run/kapacitor-udf')
    .action(reload);
}

async function reload({ socketDir = defaultSocketDir, config, json }: ReloadOptions): Promise<void> {
  const [{ controlPathOf, requestReload }, { configuredSockets }, { socketPathIn }] = await Promise.all([
    import('../host/control-socket.js'),
    import('../kapacitor/conf.js'),
    import('../host/socket-directory.js'),
  ]);
  const socket =
    config === undefined ? socketPathIn(socketDir, 'any') : configuredSockets(config, []).sockets[0]!.path; // at least one
  const result = await requestReload(controlPathOf(socket));
  if (json) await printJson(result);
  else {
    const workers = `${result.reloaded} worker${result.reloaded === 1 ? '' : 's'} replaced`;
    await print([workers, ...result.errors.map((error) => `not replaced: ${error}`)].join('\n'));
  }
  if (result.errors.length > 0) throw new ExitCode(1);
}
