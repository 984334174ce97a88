#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { checkCommand } from './check.js';
import { configCommand } from './config.js';
import { demoCommand } from './demo.js';
import { listCommand } from './list.js';
import { reportError } from './report-error.js';
import { serveCommand } from './serve.js';
import { stdioCommand } from './stdio.js';
import { usageMessage } from './usage-error.js';

// Only what describes the commands is loaded here; each loads what it does when it is called.
const commands = [
  serveCommand(),
  stdioCommand(),
  listCommand(),
  configCommand(),
  checkCommand(),
  demoCommand(),
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
for (const command of commands) program.addCommand(command.copyInheritedSettings(program));

/** Whether stack traces are wanted, once it is known which command runs. */
let debug = false;
program.hook('preAction', (_program, command) => {
  debug = command.opts<{ logLevel?: string }>().logLevel === 'debug';
});

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read the output has seen enough (`list | head`).
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

try {
  await program.parseAsync();
} catch (reason) {
  if (reason instanceof CommanderError) process.exitCode = reason.exitCode === 0 ? 0 : 2;
  else process.exitCode = reportError(reason, debug);
}
// A loaded module may hold timers or connections that would keep the process.
process.exit();
