import { Command, InvalidArgumentError, Option } from 'commander';
import type { Dbrp } from '../kapacitor/types.js';
import { loadOption, logLevelOption } from './options.js';
import { kapacitorUrl } from './parse-urls.js';
import { duration } from './parse-values.js';
import type { ApplyOptions } from '../tasks/run-apply.js';
import type { StatusOptions } from '../tasks/run-status.js';

export function tasksCommand(): Command {
  return new Command('tasks')
    .summary('define TICKscripts in Kapacitor, and see how they do')
    .description(
      'Defines TICKscripts in Kapacitor over its HTTP API, and shows the state of those that use UDFs.',
    )
    .helpCommand(false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ kapacitor-udf tasks apply tickscripts --dry-run\n  $ kapacitor-udf tasks status',
    )
    .addCommand(applyCommand())
    .addCommand(statusCommand());
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
    .addOption(urlOption())
    .addOption(
      new Option(
        '--dbrp <db.rp...>',
        'database and retention policy for scripts that name none, e.g. telegraf.autogen',
      ).argParser(dbrps),
    )
    .option('--dry-run', 'show what would be done, and do nothing')
    .option(
      '--restart',
      'also start anew what is unchanged: after the host was stopped, since Kapacitor goes on to show tasks as running that have lost it',
    )
    .addOption(
      new Option('--wait <duration>', 'wait so long for Kapacitor to answer').argParser(duration('1ms')),
    )
    .addOption(logLevelOption())
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf tasks apply tickscripts --url http://localhost:9092')
    .action(async (directory: string, options: ApplyOptions) => {
      const { runApply } = await import('../tasks/run-apply.js');
      await runApply(directory, options);
    });
}

function statusCommand(): Command {
  return new Command('status')
    .summary('show the tasks that use UDFs')
    .description(
      'Shows the tasks of Kapacitor that use UDFs of this package: whether they run, why not, their throughput, and the ' +
        'points of each node. Exits with 1 if one that is enabled does not run.',
    )
    .addOption(urlOption())
    .option('--all', 'tasks that use other UDFs or none, too')
    .option('--json', 'as JSON')
    .addOption(loadOption())
    .addOption(logLevelOption())
    .addHelpText('after', '\nExample:\n  $ kapacitor-udf tasks status --json')
    .action(async (options: StatusOptions) => {
      const { runStatus } = await import('../tasks/run-status.js');
      await runStatus(options);
    });
}

/** Credentials are none of the command line's business: every user of the machine can read it. */
export function urlOption(flag = '--url'): Option {
  return new Option(
    `${flag} <url>`,
    "Kapacitor's URL; credentials come from KAPACITOR_USERNAME and KAPACITOR_PASSWORD or files that ..._FILE name " +
      '(default: KAPACITOR_URL, else http://localhost:9092)',
  ).argParser(kapacitorUrl);
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
