import { Command, Option } from 'commander';
import { loadOption, logLevelOption, socketDirOption } from './options.js';
import { duration } from './parse-values.js';
import type { ConfigOptions } from './run-config.js';

export function configCommand(): Command {
  return new Command('config')
    .summary("print Kapacitor's configuration for UDFs")
    .description('Prints the [udf.functions.NAME] sections to add at the end of kapacitor.conf.')
    .argument('[name...]', 'UDFs to configure (default: all)')
    .addOption(socketDirOption())
    .addOption(
      new Option('--process', 'have Kapacitor start each UDF as its own child process').conflicts(
        'socketDir',
      ),
    )
    .addOption(
      new Option('--timeout <duration>', 'how long Kapacitor waits for an answer before it fails the task')
        .default(10_000_000_000n, '10s')
        .argParser(duration('2ms')),
    )
    .addOption(loadOption())
    .addOption(logLevelOption())
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf config edgeDetect >> /etc/kapacitor/kapacitor.conf')
    .action(async (names: string[], options: ConfigOptions) => {
      const { runConfig } = await import('./run-config.js');
      await runConfig(names, options);
    });
}
