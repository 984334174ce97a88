import { Command, InvalidArgumentError, Option } from 'commander';
import type { KapacitorApi } from '../kapacitor/api.js';
import type { Dbrp } from '../kapacitor/types.js';
import type { TaskConnections } from '../kapacitor/connections.js';
import { ExitCode } from './exit-code.js';
import { loadOption, type LoadOptions, logLevelOption, type LogOptions } from './options.js';
import { duration } from './parse-values.js';
import { print, printJson, say } from './print.js';
import { watchCommand } from './tasks-watch.js';
import { kapacitorUrlOption } from './url-options.js';

interface ServerOptions extends LogOptions {
  readonly url?: string;
  readonly config?: string;
}

interface ApplyOptions extends ServerOptions {
  readonly dbrp?: readonly Dbrp[];
  readonly dryRun?: true;
  readonly restart?: true;
  readonly force?: true;
  readonly wait?: bigint;
}

interface RestartOptions extends ServerOptions {
  readonly force?: true;
  readonly json?: true;
}

interface StatusOptions extends ServerOptions, LoadOptions {
  readonly all?: true;
  readonly json?: true;
}

export function tasksCommand(): Command {
  return new Command('tasks')
    .summary('define TICKscripts in Kapacitor, show, restart and watch them')
    .description(
      'Defines TICKscripts in Kapacitor over its HTTP API, shows the state of those that use UDFs, and restarts those that ' +
        'have lost their UDFs, on demand or by itself.',
    )
    .helpCommand(false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ kapacitor-udf tasks apply tickscripts --dry-run\n  $ kapacitor-udf tasks status\n  $ kapacitor-udf tasks restart adsl-edges',
    )
    .addCommand(applyCommand())
    .addCommand(statusCommand())
    .addCommand(restartCommand())
    .addCommand(watchCommand());
}

function applyCommand(): Command {
  return new Command('apply')
    .summary('define or update the TICKscripts of a directory, and enable them')
    .description(
      'Defines the templates of a directory, then its tasks, and enables them; what is there already is changed only ' +
        'where it differs, and the difference is shown. The directory has tasks/ and templates/, as for the [load] ' +
        'section of kapacitor.conf, or the scripts themselves. NAME.yaml (or .yml, .json) beside them makes the task ' +
        'NAME from a template, or gives variables to NAME.tick. Exits with 1 if any of them failed.',
    )
    .argument('<dir>', 'directory with TICKscripts')
    .addOption(kapacitorUrlOption())
    .addOption(
      new Option(
        '--dbrp <db.rp...>',
        'database and retention policy for scripts that name none, e.g. telegraf.autogen',
      ).argParser(dbrps),
    )
    .option('--dry-run', 'show what would be done, and do nothing')
    .option(
      '--restart',
      'also restart unchanged tasks that have no open connection to the host of their UDFs: after the host was stopped',
    )
    .addOption(
      new Option(
        '--force',
        'with --restart: also tasks that are or may be connected; see tasks restart',
      ).implies({
        restart: true,
      }),
    )
    .addOption(connectionConfigOption())
    .addOption(
      new Option(
        '--wait <duration>',
        'how long to wait for Kapacitor to answer (default: not at all)',
      ).argParser(duration('1ms')),
    )
    .addOption(logLevelOption())
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf tasks apply tickscripts --url http://localhost:9092')
    .action(apply);
}

async function apply(directory: string, options: ApplyOptions): Promise<void> {
  const { applyTasks, countOutcomes } = await import('../tasks/apply-tasks.js');
  const { applyText } = await import('../tasks/report.js');
  const outcomes = await applyTasks(directory, {
    ...(await server(options)),
    dbrps: options.dbrp,
    dryRun: options.dryRun === true,
    restart: options.force ? 'all' : options.restart ? 'disconnected' : 'none',
    waitMs: Number((options.wait ?? 0n) / 1_000_000n),
    onWaiting: (reason) => {
      say(`kapacitor-udf: waiting: ${reason}`);
    },
    onOutcome: (outcome) => print(applyText(outcome)),
  });
  const note = options.dryRun
    ? '; this was a dry run: nothing is done, and Kapacitor has checked nothing'
    : '';
  await print(countOutcomes(outcomes) + note);
  if (outcomes.some(({ done }) => done === 'failed')) throw new ExitCode(1);
}

function statusCommand(): Command {
  return new Command('status')
    .summary('show the tasks that use UDFs')
    .description(
      'Shows the tasks of Kapacitor that use UDFs of this package: whether they run, since when, or why not, their throughput, and the ' +
        'points of each node since then. A task is lost if Kapacitor shows it as running though its connection to the ' +
        'host of its UDFs is gone; this is seen only on the machine of Kapacitor, under Linux. Exits with 1 if a task ' +
        'has failed or is lost.',
    )
    .addOption(kapacitorUrlOption())
    .addOption(connectionConfigOption())
    .option('--all', 'tasks that use other UDFs or none, too')
    .option('--json', 'as JSON')
    .addOption(loadOption())
    .addOption(logLevelOption())
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf tasks status --json')
    .action(status);
}

async function status(options: StatusOptions): Promise<void> {
  const { availableUdfs } = await import('../host/available-udfs.js');
  const { taskStatus } = await import('../kapacitor/task-status.js');
  const { statusText } = await import('../tasks/report.js');
  const udfs = options.all ? undefined : new Set((await availableUdfs(options.load)).keys());
  const report = await taskStatus({ ...(await server(options)), udfs });
  if (options.json) await printJson(report);
  else await print(statusText(report));
  if (report.tasks.some(({ state }) => state === 'failed' || state === 'lost')) throw new ExitCode(1);
}

function restartCommand(): Command {
  return new Command('restart')
    .summary('restart tasks that have lost the host of their UDFs')
    .description(
      'Restarts tasks by disabling and enabling them, if they have stopped or have no open connection to the host of ' +
        'their UDFs. Disabling a task while points flow through its UDF can crash Kapacitor, so that a task that is ' +
        'connected, or may be, is restarted only with --force. Connections are seen only on the machine of Kapacitor, ' +
        'under Linux. Exits with 1 if a restart failed or it is unknown whether one is needed.',
    )
    .argument('<name...>', 'tasks, or patterns with * and ?')
    .addOption(kapacitorUrlOption())
    .addOption(connectionConfigOption())
    .option('--force', 'also tasks that are or may be connected; best while no points come')
    .option('--json', 'as JSON')
    .addOption(logLevelOption())
    .addHelpText('after', "\nExample:\n  $ kapacitor-udf tasks restart adsl-edges 'noise-*'")
    .action(restart);
}

async function restart(names: readonly string[], options: RestartOptions): Promise<void> {
  const { restartTasks } = await import('../tasks/restart-tasks.js');
  const { countOutcomes } = await import('../tasks/apply-tasks.js');
  const { restartText } = await import('../tasks/report.js');
  const outcomes = await restartTasks(names, {
    ...(await server(options)),
    force: options.force === true,
    onOutcome: (outcome) => (options.json ? undefined : print(restartText(outcome))),
  });
  if (options.json) await printJson(outcomes);
  else await print(countOutcomes(outcomes));
  if (outcomes.some(({ done }) => done === 'failed' || done === 'unknown')) throw new ExitCode(1);
}

async function server(options: ServerOptions): Promise<{ api: KapacitorApi; connections: TaskConnections }> {
  const { KapacitorApi } = await import('../kapacitor/api.js');
  const { kapacitorTarget } = await import('../kapacitor/target.js');
  const { taskConnections } = await import('../kapacitor/connections.js');
  const api = new KapacitorApi(kapacitorTarget(options.url, process.env));
  return { api, connections: taskConnections(api.url, { config: options.config }) };
}

function connectionConfigOption(): Option {
  return new Option(
    '--config <file>',
    "kapacitor.conf, which names the UDFs' sockets (default: the one that kapacitord runs with, where that can be read)",
  );
}

/** `telegraf.autogen`, or `"my db"."my rp"`. */
function dbrps(text: string, before: readonly Dbrp[] = []): readonly Dbrp[] {
  const [, db, rp] = /^("[^"]+"|[^".]+)\.("[^"]+"|[^".]+)$/.exec(text) ?? [];
  if (db === undefined || rp === undefined) {
    throw new InvalidArgumentError(
      'Write it as database.retention_policy, with quotes around names that have dots.',
    );
  }
  return [...before, { db: db.replaceAll('"', ''), rp: rp.replaceAll('"', '') }];
}
