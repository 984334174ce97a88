import { Command, Option } from 'commander';
import { logLevelOption } from './options.js';
import { influxServerUrl } from './parse-urls.js';
import { count, duration } from './parse-values.js';
import { urlOption } from './tasks.js';
import type { TestOptions } from '../script-test/run-test.js';

export function testCommand(): Command {
  return new Command('test')
    .summary('test TICKscripts on a running Kapacitor')
    .description(
      'Runs cases for TICKscripts on a running Kapacitor: hands in points, and compares what comes out of nodes, and ' +
        'which alerts come, with what is expected. Understands the YAML of kapacitor-unit. Each case has a copy of the ' +
        'task, under a name and with a database of its own, which tells nobody and writes nowhere, and is removed ' +
        'afterwards. Exits with 1 if a case fails.',
    )
    .argument('<file...>', 'YAML files with cases')
    .addOption(urlOption('--kapacitor'))
    .option(
      '--influx <url>',
      'the InfluxDB 1.x of that Kapacitor, which batch tasks query; credentials come from INFLUX_USERNAME and ' +
        'INFLUX_PASSWORD',
      influxServerUrl,
    )
    .option(
      '--dir <dir>',
      'directory with the scripts (default: tasks/ beside the directory of the file, or that itself)',
    )
    .option('--filter <text>', 'only cases with this text in their name')
    .addOption(new Option('--jobs <n>', 'how many cases run at a time').default(4).argParser(count(1)))
    .addOption(
      new Option('--settle <duration>', 'a case is over when nothing has happened for so long')
        .default(300_000_000n, '300ms')
        .argParser(duration('10ms')),
    )
    .addOption(
      new Option('--within <duration>', 'how long a case may take')
        .default(20_000_000_000n, '20s')
        .argParser(duration('100ms')),
    )
    .option('--junit <file>', 'also write the results as JUnit XML')
    .option('--tap', 'print the results in the Test Anything Protocol')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      '\nExample:\n  $ kapacitor-udf test tickscripts/tests/*.yaml --kapacitor http://localhost:9092 --influx http://localhost:8086',
    )
    .action(async (files: string[], options: TestOptions) => {
      const { runTest } = await import('../script-test/run-test.js');
      await runTest(files, options);
    });
}
