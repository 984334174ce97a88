import { Command, Option } from 'commander';
import { addRunOptions } from './options.js';
import { count } from './parse-values.js';
import type { StdioOptions } from './run-stdio.js';

export function stdioCommand(): Command {
  const command = new Command('stdio')
    .summary('run one UDF on standard input and output')
    .description(
      "Runs one UDF on standard input and output, as Kapacitor's prog and args start it, until the input ends. " +
        'Standard output carries frames and nothing else: what a UDF prints goes to standard error.',
    )
    .argument('<name>', 'the UDF')
    .addOption(new Option('--frames-fd <n>').argParser(count(3)).hideHelp());
  return addRunOptions(command)
    .addHelpText(
      'after',
      '\nExample, in kapacitor.conf (kapacitor-udf config --process prints it):\n' +
        '  [udf.functions.edgeDetect]\n' +
        '  prog = "kapacitor-udf"\n' +
        '  args = [ "stdio", "edgeDetect" ]\n' +
        '  timeout = "10s"',
    )
    .action(async (name: string, options: StdioOptions) => {
      const { runStdio } = await import('./run-stdio.js');
      await runStdio(name, options);
    });
}
