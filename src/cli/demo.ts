import { Command } from 'commander';
import { ExitCode } from './exit-code.js';
import { print } from './print.js';

/** `demo`: the bundled UDFs at work, with nothing else installed. */
export function demoCommand(): Command {
  return new Command('demo')
    .summary('show the UDFs at work')
    .description('Shows the UDFs at work: hosted on real sockets, with this process playing Kapacitor.')
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf demo')
    .action(demo);
}

async function demo(): Promise<void> {
  const [{ runDemo }, { exitCodeOf }] = await Promise.all([
    import('../demo/run-demo.js'),
    import('../host/process-end.js'),
  ]);
  const signal = await runDemo(print);
  if (signal !== undefined) throw new ExitCode(exitCodeOf(signal));
}
