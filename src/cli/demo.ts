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
      new Argument(
        '[what]',
        'the UDFs one by one, or the meters of a building: feed, totals, alerts, predictions',
      )
        .choices(['udfs', 'meters'] satisfies DemoName[])
        .default('udfs'),
    )
    .option(
      '--html [file]',
      `of meters: also write a page that shows it all in charts and tables; it replaces the file (default: ${defaultPage})`,
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ kapacitor-udf demo\n  $ kapacitor-udf demo meters\n  $ kapacitor-udf demo meters --html office.html',
    )
    .action(demo);
}

/** The page of results, beside which nothing is written. */
const defaultPage = 'meters.html';

async function demo(what: DemoName, { html }: { readonly html?: string | true }): Promise<void> {
  const [{ runDemo }, { exitCodeOf }] = await Promise.all([
    import('../demo/run-demo.js'),
    import('../host/process-end.js'),
  ]);
  const signal = await runDemo(what, print, { html: html === true ? defaultPage : html });
  if (signal !== undefined) throw new ExitCode(exitCodeOf(signal));
}
