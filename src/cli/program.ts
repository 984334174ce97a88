import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { checkCommand } from './check.js';
import { configCommand } from './config.js';
import { demoCommand } from './demo.js';
import { ExitCode } from './exit-code.js';
import { feedCommand } from './feed.js';
import { listCommand } from './list.js';
import { recordCommand } from './record.js';
import { reportError, usageMessage } from './report-error.js';
import { replayCommand } from './replay.js';
import { serveCommand } from './serve.js';
import { stdioCommand } from './stdio.js';
import { tasksCommand } from './tasks.js';
import { testCommand } from './test.js';

/** Carries out a command line and returns the exit code: 0, 1 for what failed, 2 for a wrong command line. */
export async function runProgram(args: readonly string[]): Promise<number> {
  // Only what describes the commands is loaded so far; each loads what it does when it is called.
  const commands = [
    serveCommand(),
    stdioCommand(),
    listCommand(),
    configCommand(),
    checkCommand(),
    demoCommand(),
    recordCommand(),
    replayCommand(),
    tasksCommand(),
    testCommand(),
    feedCommand(),
  ];
  const { version } = createRequire(import.meta.url)('kapacitor-udf/package.json') as { version: string };
  const program = new Command('kapacitor-udf')
    .description('Hosts user-defined functions for Kapacitor.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(usageMessage(text));
      },
    })
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf serve edgeDetect --socket-dir /tmp/udf');
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program));
    for (const part of command.commands) part.copyInheritedSettings(program);
  }

  /** Whether stack traces are wanted, once it is known which command runs. */
  let debug = false;
  program.hook('preAction', (_program, command) => {
    debug = command.opts<{ logLevel?: string }>().logLevel === 'debug';
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (reason) {
    if (reason instanceof ExitCode) return reason.code;
    if (reason instanceof CommanderError) return reason.exitCode === 0 ? 0 : 2;
    return reportError(reason, debug);
  }
}
