import { Command } from 'commander';
import type { StateFilter } from '../host/state/inspect-states.js';
import { UdfError } from '../model/errors.js';
import { count } from './parse-values.js';
import { print, printJson, say } from './print.js';

interface FilterOptions extends StateFilter {
  readonly stateDir: string;
  readonly json?: true;
}

interface ShowOptions extends FilterOptions {
  readonly group?: string;
  readonly limit: number;
}

interface ResetOptions extends FilterOptions {
  readonly all?: true;
}

export function stateCommand(): Command {
  return new Command('state')
    .summary('show and reset the states that serve and stdio keep with --state-dir')
    .description(
      'Shows and resets the states that serve and stdio keep with --state-dir, whether or not they run.',
    )
    .helpCommand(false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ kapacitor-udf state list --state-dir /var/lib/kapacitor-udf\n' +
        '  $ kapacitor-udf state show --state-dir /var/lib/kapacitor-udf --task load --group host=a\n' +
        '  $ kapacitor-udf state reset --state-dir /var/lib/kapacitor-udf --task load',
    )
    .addCommand(
      addFilters(
        new Command('list')
          .summary('show a line for each state')
          .description('Shows the task, node, UDF, groups, size, age and options of each state.'),
      ).action(list),
    )
    .addCommand(
      addFilters(
        new Command('show')
          .summary('show the state of groups')
          .description('Shows the state of each group, as it was saved last.'),
      )
        .option('--group <text>', 'only groups whose name contains this text')
        .option('--limit <n>', 'groups to show of each use', count(1), 20)
        .action(show),
    )
    .addCommand(
      addFilters(
        new Command('reset')
          .summary('let tasks start afresh without deleting them')
          .description(
            'Removes states: running tasks start afresh at once, others when they start next, even if Kapacitor restores a ' +
              'snapshot that it took before.',
          ),
      )
        .option('--all', 'reset all states of the directory')
        .action(reset),
    );
}

function addFilters(command: Command): Command {
  return command
    .requiredOption('--state-dir <dir>', 'the directory of the states')
    .option('--task <task>', 'only those of this task')
    .option('--node <node>', 'only those of this node of a task')
    .option('--udf <name>', 'only those of this UDF')
    .option('--json', 'as JSON');
}

function filterOf({ task, node, udf }: FilterOptions): StateFilter {
  return {
    ...(task !== undefined && { task }),
    ...(node !== undefined && { node }),
    ...(udf !== undefined && { udf }),
  };
}

/** The room is loaded only when a command runs. */
async function stateRoom() {
  const [inspecting, reporting] = await Promise.all([
    import('../host/state/inspect-states.js'),
    import('../host/state/report-states.js'),
  ]);
  return { ...inspecting, ...reporting };
}

async function list(options: FilterOptions): Promise<void> {
  const { listStates, stateJson, stateTable } = await stateRoom();
  const { states, problems } = await listStates(options.stateDir, filterOf(options));
  for (const problem of problems) say(problem);
  if (options.json) await printJson(states.map(stateJson));
  else await print(stateTable(states));
}

async function show(options: ShowOptions): Promise<void> {
  const { showStates, shownStatesText, stateJson } = await stateRoom();
  const { limit: maxGroups, group } = options;
  const states = await showStates(options.stateDir, filterOf(options), { maxGroups, group });
  if (options.json) await printJson(states.map(stateJson));
  else await print(shownStatesText(states));
}

async function reset(options: ResetOptions): Promise<void> {
  const filter = filterOf(options);
  if (Object.keys(filter).length === 0 && !options.all) {
    throw new UdfError('usage', 'say which states to reset: --task, --node, --udf, or --all');
  }
  const { resetJson, resetStates, resetText } = await stateRoom();
  const result = await resetStates(options.stateDir, filter);
  if (options.json) await printJson(resetJson(result));
  else await print(resetText(result));
}
