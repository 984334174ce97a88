import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { messageOf, UdfError } from '../model/errors.js';
import { ExitCode } from './exit-code.js';
import { logLevelOption, type LogOptions } from './options.js';
import { count, duration } from './parse-values.js';
import { print, printJson, say } from './print.js';
import { influxServerUrl, kapacitorUrlOption } from './url-options.js';

interface TestOptions extends LogOptions {
  readonly kapacitor?: string;
  readonly influx?: string;
  readonly dir?: string;
  readonly jobs: number;
  readonly settle: bigint;
  readonly within: bigint;
  readonly filter?: string;
  readonly junit?: string;
  readonly tap?: true;
  readonly json?: true;
}

export function testCommand(): Command {
  return new Command('test')
    .summary('test TICKscripts on a running Kapacitor')
    .description(
      'Runs cases for TICKscripts on a running Kapacitor: hands in points, and compares what comes out of nodes, and ' +
        'which alerts are raised, with what is expected. Reads the YAML of kapacitor-unit. Each case runs in a copy of ' +
        'the task with a name and a database of its own, which sends no alert, writes nothing outside, and is removed ' +
        'afterwards. Exits with 1 unless all cases pass, and with 130 (SIGINT) or 143 (SIGTERM) if it was stopped.',
    )
    .argument('<file...>', 'YAML files with cases, or globs')
    .addOption(kapacitorUrlOption('--kapacitor'))
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
    .addOption(new Option('--jobs <n>', 'number of cases that run at a time').default(4).argParser(count(1)))
    .addOption(
      new Option('--settle <duration>', 'a case is over when nothing has moved for this long')
        .default(300_000_000n, '300ms')
        .argParser(duration('10ms')),
    )
    .addOption(
      new Option('--within <duration>', 'time limit of a case')
        .default(20_000_000_000n, '20s')
        .argParser(duration('100ms')),
    )
    .option('--junit <file>', 'also write the results as JUnit XML')
    .addOption(new Option('--tap', 'print the results in the Test Anything Protocol').conflicts('json'))
    .option('--json', 'print the results as JSON')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      "\nExample:\n  $ kapacitor-udf test 'tickscripts/tests/*.yaml' \\\n      --kapacitor http://localhost:9092 --influx http://localhost:8086",
    )
    .action(test);
}

async function test(files: readonly string[], options: TestOptions): Promise<void> {
  const { runTests } = await import('../script-test/run-tests.js');
  const { caseText, jsonReport, junit, passed, summary, tap } = await import('../script-test/report.js');
  const { KapacitorApi } = await import('../kapacitor/api.js');
  const { kapacitorTarget } = await import('../kapacitor/target.js');
  const { readInfluxServer } = await import('../influx/scratch-database.js');
  const width = process.stdout.isTTY ? Math.max(process.stdout.columns, 80) : undefined;
  const { exitCodeOf, onStopSignal } = await import('../host/process-end.js');
  const stop = new AbortController();
  const stopSignal = onStopSignal();
  void stopSignal.then(() => {
    stop.abort(new Error('it was interrupted'));
  });
  try {
    const results = await runTests(files, {
      api: new KapacitorApi(kapacitorTarget(options.kapacitor, process.env)),
      influx: options.influx === undefined ? undefined : readInfluxServer(options.influx, process.env),
      settleMs: milliseconds(options.settle),
      caseTimeoutMs: milliseconds(options.within),
      scriptDirectory: options.dir,
      filter: options.filter,
      jobs: options.jobs,
      signal: stop.signal,
      onLeftover: (message) => {
        say(`kapacitor-udf: ${message}`);
      },
      // Programs want the results in the order of the files, people at once.
      onResult: (result) => (options.tap || options.json ? undefined : print(caseText(result, width))),
    });
    if (options.tap) await print(tap(results));
    else if (options.json) await printJson(jsonReport(results));
    else await print(summary(results));
    if (options.junit !== undefined) writeReport(options.junit, junit(results));
    if (stopSignal.came) throw new ExitCode(exitCodeOf(await stopSignal));
    if (!results.every(passed)) throw new ExitCode(1);
  } finally {
    stopSignal.release();
  }
}

const milliseconds = (duration: bigint): number => Number(duration / 1_000_000n);

function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new UdfError('invalid_config', `the report cannot be written: ${messageOf(cause)}`, { cause });
  }
}
