import { Command, Option } from 'commander';
import { messageOf, UdfError } from '../model/errors.js';
import type { ServedUdf } from '../host/served-udf.js';
import { ExitCode, udfExitCode } from './exit-code.js';
import {
  addRunOptions,
  connectionOptions,
  groupByOption,
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
    .option(
      '--set <option=value...>',
      'an option of the UDF as a TICKscript writes it: 10, 1.5, TRUE, 30s, text',
    )
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
  const load = async (): Promise<ServedUdf> => {
    const [{ chooseUdf }, { servedUdfs }] = await Promise.all([
      import('../host/available-udfs.js'),
      import('../host/served-udf.js'),
    ]);
    return chooseUdf(await servedUdfs(options.load ?? [], undefined, settings.logger), name);
  };
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
    const error = UdfError.from(reason);
    settings.logger.error({ code: error.code, err: error }, messageOf(error));
    throw new ExitCode(udfExitCode(error));
  } finally {
    await deadLetters?.close();
  }
  if (failure) throw new ExitCode(1);
}
