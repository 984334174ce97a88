import { Command, Option } from 'commander';
import type { UdfError } from '../model/errors.js';
import type { ServedUdf } from '../host/served-udf.js';
import { ExitCode } from './exit-code.js';
import { groupByOption, loadOneUdf, loggedFailure, setOption } from './one-udf.js';
import {
  addRunOptions,
  connectionOptions,
  openDeadLetters,
  type RunOptions,
  watchdogSettings,
} from './options.js';
import { nonEmpty } from './parse-values.js';

interface ExecdCommandOptions extends RunOptions {
  readonly set?: readonly string[];
  readonly groupBy?: readonly string[];
  readonly id?: string;
}

/** `execd`: one UDF as an external processor of Telegraf. */
export function execdCommand(): Command {
  const command = new Command('execd')
    .summary('run one UDF as a processor of Telegraf')
    .description(
      'Runs one UDF that wants a stream as an external processor of Telegraf (processors.execd): line protocol comes in on ' +
        'standard input and goes out on standard output, in order, until the input ends. What a UDF emits unchanged goes ' +
        'out as the very line that came in.',
    )
    .argument('<name>', 'the UDF')
    .addOption(setOption())
    .addOption(groupByOption())
    .addOption(
      new Option(
        '--id <name>',
        "the name that the state is kept under in --state-dir (default: the UDF's)",
      ).argParser(nonEmpty),
    );
  return addRunOptions(command)
    .addHelpText(
      'after',
      '\nExample, in telegraf.conf:\n' +
        '  [[processors.execd]]\n' +
        '    command = ["kapacitor-udf", "execd", "edgeDetect", "--set", "field=value"]',
    )
    .action(execd);
}

async function execd(name: string, options: ExecdCommandOptions): Promise<void> {
  const { runExecd } = await import('../execd/run-execd.js');
  const format = options.logFormat === 'auto' && !process.stderr.isTTY ? 'telegraf' : options.logFormat;
  const logged = { ...options, ...(format !== undefined && { logFormat: format }) };
  const settings = await connectionOptions(logged);
  const load = (): Promise<ServedUdf> => loadOneUdf(name, options.load, settings.logger);
  const deadLetters = await openDeadLetters(options, settings.logger);
  let failure: UdfError | undefined;
  try {
    failure = await runExecd(load, {
      ...settings,
      deadLetters,
      set: options.set,
      groupBy: options.groupBy,
      id: options.id,
      drainMs: options.drainMs,
      ...watchdogSettings(logged),
    });
  } catch (reason) {
    throw loggedFailure(settings.logger, reason);
  } finally {
    await deadLetters?.close();
  }
  if (failure) throw new ExitCode(1);
}
