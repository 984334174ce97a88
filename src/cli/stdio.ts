import { Command } from 'commander';
import type { ServedUdf } from '../host/served-udf.js';
import type { UdfError } from '../model/errors.js';
import { ExitCode } from './exit-code.js';
import {
  addIsolationOptions,
  checkIsolatedNames,
  isolationOf,
  type IsolationFlags,
} from './isolation-options.js';
import { loadOneUdf } from './one-udf.js';
import {
  addRunOptions,
  connectionOptions,
  openDeadLetters,
  type RunOptions,
  watchdogSettings,
} from './options.js';

/** `stdio`: one UDF as a child process of Kapacitor. */
export function stdioCommand(): Command {
  const command = new Command('stdio')
    .summary('run one UDF on standard input and output')
    .description(
      "Runs one UDF on standard input and output, as Kapacitor's prog and args start it, until the input ends. " +
        'Standard output carries frames and nothing else: what a UDF prints goes to standard error.',
    )
    .argument('<name>', 'the UDF');
  return addRunOptions(addIsolationOptions(command))
    .addHelpText(
      'after',
      '\nExample, in kapacitor.conf (kapacitor-udf config --process prints it):\n' +
        '  [udf.functions.edgeDetect]\n' +
        '  prog = "kapacitor-udf"\n' +
        '  args = [ "stdio", "edgeDetect" ]\n' +
        '  timeout = "10s"',
    )
    .action(stdio);
}

async function stdio(name: string, options: RunOptions & IsolationFlags): Promise<void> {
  const { runStdio } = await import('../host/stdio-process.js');
  const settings = await connectionOptions(options);
  const load = async (): Promise<ServedUdf> => {
    const udf = await loadOneUdf(name, options.load, settings.logger, isolationOf(options));
    checkIsolatedNames(options, [udf.name]);
    return udf;
  };
  const deadLetters = await openDeadLetters(options, settings.logger);
  let failure: UdfError | undefined;
  try {
    failure = await runStdio(load, {
      ...settings,
      deadLetters,
      drainMs: options.drainMs,
      ...watchdogSettings(options),
    });
  } finally {
    await deadLetters?.close();
  }
  if (failure) throw new ExitCode(1);
}
