import { Command } from 'commander';
import { addLogOptions, loadOption, type LoadOptions, type LogOptions } from './options.js';
import { print, printJson } from './print.js';

interface ListOptions extends LoadOptions, LogOptions {
  readonly json?: true;
}

/** `list`: a line a UDF; the options of those that are named. */
export function listCommand(): Command {
  const command = new Command('list')
    .summary('show UDFs and their options')
    .description('Shows a line for each UDF; with names, the options of these UDFs.')
    .argument('[name...]', 'UDFs whose options to show')
    .option('--json', 'as JSON, with all options')
    .addOption(loadOption());
  return addLogOptions(command)
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf list edgeDetect --load ./my-udf.js')
    .action(list);
}

async function list(names: readonly string[], options: ListOptions): Promise<void> {
  const [{ availableUdfs, chooseUdfs }, { describeUdf, udfLines, udfSections }] = await Promise.all([
    import('../host/available-udfs.js'),
    import('../host/describe-udfs.js'),
  ]);
  const udfs = chooseUdfs(await availableUdfs(options.load), names);
  if (options.json) await printJson(udfs.map(describeUdf));
  else if (names.length > 0) await print(udfSections(udfs, lineWidth()));
  else await print(udfLines(udfs, lineWidth()));
}

/** The width of the terminal, if standard output is one. */
function lineWidth(): number | undefined {
  return process.stdout.isTTY ? Math.max(process.stdout.columns, 40) : undefined;
}
