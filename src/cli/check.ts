import { Command, Option } from 'commander';
import { configOption, logLevelOption, socketDirOption } from './options.js';
import { timerDuration } from './parse-values.js';
import type { CheckOptions } from './run-check.js';

export function checkCommand(): Command {
  return new Command('check')
    .summary('ask UDFs on sockets whether they are there')
    .description(
      'Asks on each socket what the UDF there is, as Kapacitor does when it starts, and for a keepalive. Prints a line ' +
        'a socket; exits with 0 only if all answer.',
    )
    .argument('[name...]', 'UDFs that must be there (default: whoever has a socket in the directory or file)')
    .addOption(socketDirOption())
    .addOption(configOption())
    .addOption(
      new Option('--timeout <duration>', 'how long each may take to answer')
        .default(5_000_000_000n, '5s')
        .argParser(timerDuration('1ms')),
    )
    .option('--json', 'as JSON')
    .addOption(logLevelOption())
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf check --config /etc/kapacitor/kapacitor.conf')
    .action(async (names: string[], options: CheckOptions) => {
      const { runCheck } = await import('./run-check.js');
      await runCheck(names, options);
    });
}
