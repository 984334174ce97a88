import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { defaultSocketDir, socketPathIn } from '../host/socket-directory.js';
import { addLogOptions, loadOption, type LoadOptions, type LogOptions, socketDirOption } from './options.js';
import { duration } from './parse-values.js';
import { print } from './print.js';

interface ConfigOptions extends LoadOptions, LogOptions {
  readonly socketDir?: string;
  readonly process?: true;
  readonly timeout: bigint;
}

/** `config`: the sections of kapacitor.conf by which Kapacitor reaches UDFs. */
export function configCommand(): Command {
  const command = new Command('config')
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
    .addOption(loadOption());
  return addLogOptions(command)
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf config edgeDetect >> /etc/kapacitor/kapacitor.conf')
    .action(config);
}

async function config(names: readonly string[], options: ConfigOptions): Promise<void> {
  const [{ availableUdfs, chooseUdfs }, { formatUdfSections }] = await Promise.all([
    import('../host/available-udfs.js'),
    import('../kapacitor/conf.js'),
  ]);
  const { load = [], socketDir = defaultSocketDir, timeout } = options;
  const sections = chooseUdfs(await availableUdfs(load), names).map(({ name }) =>
    options.process
      ? { name, timeout, ...childProcess(name, load) }
      : { name, timeout, socket: resolve(socketPathIn(socketDir, name)) },
  );
  await print(formatUdfSections(sections));
}

/** With absolute paths, because Kapacitor has its own PATH and working directory. */
function childProcess(name: string, load: readonly string[]): { prog: string; args: string[] } {
  const modules = load.map((module) => (existsSync(module) ? resolve(module) : module));
  const script = process.argv[1]!; // the file that Node.js was started with: there is always one
  return {
    prog: process.execPath,
    args: [script, 'stdio', name, ...(modules.length > 0 ? ['--load', ...modules] : [])],
  };
}
