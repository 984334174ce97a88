import { Command } from 'commander';
import type { ShownState, StateFilter, StoredState } from '../host/state/inspect-states.js';
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

async function list(options: FilterOptions): Promise<void> {
  const { listStates } = await import('../host/state/inspect-states.js');
  const { states, problems } = await listStates(options.stateDir, filterOf(options));
  for (const problem of problems) say(problem);
  if (options.json) await printJson(states.map(plainState));
  else await print(await table(states));
}

async function show(options: ShowOptions): Promise<void> {
  const { showStates } = await import('../host/state/inspect-states.js');
  const { limit: maxGroups, group } = options;
  const states = await showStates(options.stateDir, filterOf(options), { maxGroups, group });
  if (options.json) {
    await printJson(states.map((state) => ({ ...plainState(state), shown: state.shown.map(plain) })));
    return;
  }
  const { inspect } = await import('node:util');
  const text = states.map((state: ShownState) => {
    const title = `${state.task} ${state.node} @${state.udf}()  ${state.groups} groups`;
    const groups = state.shown.map((shown) => {
      const value = inspect(shown.state, { breakLength: 100, maxStringLength: 200, maxArrayLength: 50 });
      return `  ${shown.group === '' ? '(no group)' : shown.group}  ${value.replaceAll('\n', '\n    ')}`;
    });
    return [title, ...groups].join('\n');
  });
  await print(text.length > 0 ? text.join('\n\n') : 'No state matches.');
}

async function reset(options: ResetOptions): Promise<void> {
  const filter = filterOf(options);
  if (Object.keys(filter).length === 0 && !options.all) {
    throw new UdfError('usage', 'say which states to reset: --task, --node, --udf, or --all');
  }
  const { resetStates } = await import('../host/state/inspect-states.js');
  const { reset: uses, host } = await resetStates(options.stateDir, filter);
  if (options.json) {
    await printJson({ reset: uses.map(({ task, node, udf }) => ({ task, node, udf })), host: host ?? null });
    return;
  }
  const when = host === undefined ? 'when their tasks start next' : `by the running host (process ${host})`;
  await print(uses.map(({ task, node, udf }) => `${task} ${node} @${udf}(): reset ${when}`).join('\n'));
}

async function table(states: readonly StoredState[]): Promise<string> {
  if (states.length === 0) return 'No state matches.';
  const [{ default: Table }, { formatDuration }] = await Promise.all([
    import('cli-table3'),
    import('../model/duration.js'),
  ]);
  const lines = new Table({
    head: ['task', 'node', 'udf', 'groups', 'bytes', 'age', 'options'],
    style: { head: [], border: [] },
  });
  for (const { task, node, udf, groups, bytes, savedAt, options, isReset } of states) {
    const seconds = Math.max(0, Math.round((Date.now() - savedAt) / 1000));
    const set = Object.entries(options)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${JSON.stringify(plain(value))}`);
    const age = formatDuration(BigInt(seconds) * 1_000_000_000n);
    lines.push([task, node, udf, groups, bytes, age, isReset ? '(reset)' : set.join(' ')]);
  }
  return lines.toString();
}

/** A state as `--json` prints it. */
function plainState({
  task,
  node,
  udf,
  groups,
  bytes,
  savedAt,
  version,
  options,
  isReset,
}: StoredState): object {
  const saved = new Date(savedAt).toISOString();
  return { task, node, udf, groups, bytes, saved, version, options: plain(options), isReset };
}

/** Plain data as JSON can hold it: 64-bit integers and special numbers as text, sets and maps as arrays. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object' || value === null) return value ?? null;
  if ('toJSON' in value) return value;
  if (value instanceof Map || value instanceof Set) return Array.from(value as Iterable<unknown>, plain);
  if (Array.isArray(value)) return Array.from(value, plain);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, plain);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
