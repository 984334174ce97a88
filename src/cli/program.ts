import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { ExitCode } from './exit-code.js';
import { reportError, usageMessage } from './report-error.js';

/** The commands in the order of the help. Only the one that runs is loaded; each loads its room when it is called. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  new: async () => (await import('./new.js')).newCommand(),
  serve: async () => (await import('./serve.js')).serveCommand(),
  proxy: async () => (await import('./proxy.js')).proxyCommand(),
  stdio: async () => (await import('./stdio.js')).stdioCommand(),
  execd: async () => (await import('./execd.js')).execdCommand(),
  kafka: async () => (await import('./kafka.js')).kafkaCommand(),
  reload: async () => (await import('./reload.js')).reloadCommand(),
  state: async () => (await import('./state.js')).stateCommand(),
  list: async () => (await import('./list.js')).listCommand(),
  config: async () => (await import('./config.js')).configCommand(),
  check: async () => (await import('./check.js')).checkCommand(),
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
  demo: async () => (await import('./demo.js')).demoCommand(),
  record: async () => (await import('./record.js')).recordCommand(),
  replay: async () => (await import('./replay.js')).replayCommand(),
  tasks: async () => (await import('./tasks.js')).tasksCommand(),
  test: async () => (await import('./test.js')).testCommand(),
  feed: async () => (await import('./feed.js')).feedCommand(),
};

/** Runs a command line and returns the exit code: 0, 1 for a failure, 2 for a wrong command line. */
export async function runProgram(given: readonly string[]): Promise<number> {
  const args = given[0] === 'help' ? helpArguments(given.slice(1)) : given;
  const program = await createProgram(args[0]);
  let isDebug = false;
  program.hook('preAction', (_program, command) => {
    isDebug = command.opts<{ logLevel?: string }>().logLevel === 'debug';
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (reason) {
    if (reason instanceof ExitCode) return reason.code;
    if (reason instanceof CommanderError) return reason.exitCode === 0 ? 0 : 2;
    return reportError(reason, isDebug);
  }
}

/** `help tasks apply` as `tasks apply --help`; an unknown command is left to be refused by name. */
function helpArguments(names: readonly string[]): readonly string[] {
  const [name = 'help'] = names;
  const isKnown = Object.hasOwn(commands, name) || ['completion', 'help'].includes(name);
  return isKnown ? [...names.filter((part) => part !== 'help'), '--help'] : names;
}

/** The command line, with the named command alone if there is one of that name, else with all. */
export async function createProgram(name?: string): Promise<Command> {
  const { version } = createRequire(import.meta.url)('kapacitor-udf/package.json') as { version: string };
  const program = new Command('kapacitor-udf')
    .description('Hosts user-defined functions for Kapacitor.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command...]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(usageMessage(text));
      },
    })
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf serve edgeDetect --socket-dir /tmp/udf');
  const isOne = name !== undefined && Object.hasOwn(commands, name);
  const loaders = isOne ? [commands[name]!] : Object.values(commands);
  for (const command of await Promise.all(loaders.map((load) => load()))) {
    program.addCommand(command.copyInheritedSettings(program));
    for (const part of command.commands) part.copyInheritedSettings(program);
  }
  if (!isOne) {
    const { addCompletion } = await import('./completion.js');
    addCompletion(program);
  }
  return program;
}
