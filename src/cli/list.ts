import { Command } from 'commander';
import { loadOption, logLevelOption } from './options.js';
import type { ListOptions } from './run-list.js';

export function listCommand(): Command {
  return new Command('list')
    .summary('show UDFs and their options')
    .description('Shows what UDFs there are, what they want and provide, and their options.')
    .argument('[name...]', 'UDFs to show (default: all)')
    .option('--json', 'as JSON')
    .addOption(loadOption())
    .addOption(logLevelOption())
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf list edgeDetect --load ./my-udf.js')
    .action(async (names: string[], options: ListOptions) => {
      const { runList } = await import('./run-list.js');
      await runList(names, options);
    });
}
