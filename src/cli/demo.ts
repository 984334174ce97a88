import { Argument, Command } from 'commander';
import type { DemoName } from '../demo/run-demo.js';
import { ExitCode } from './exit-code.js';
import { print } from './print.js';

/** `demo`: the bundled UDFs at work, with nothing else installed. */
export function demoCommand(): Command {
  return new Command('demo')
    .summary('show the UDFs at work')
    .description('Shows the UDFs at work: hosted on real sockets, with this process playing Kapacitor.')
    .addArgument(
      new Argument('[what]', 'the UDFs one by one, or the meter of a building: its feed, totals and alerts')
        .choices(['udfs', 'meters'] satisfies DemoName[])
        .default('udfs'),
    )
    .addHelpText('after', '\nExamples:\n  $ kapacitor-udf demo\n  $ kapacitor-udf demo meters')
    .action(demo);
}

async function demo(what: DemoName): Promise<void> {
  const [{ runDemo }, { exitCodeOf }] = await Promise.all([
    import('../demo/run-demo.js'),
    import('../host/process-end.js'),
  ]);
  const signal = await runDemo(what, print);
  if (signal !== undefined) throw new ExitCode(exitCodeOf(signal));
}
