import { describe, expect, it } from 'vitest';
import { noStats, type UseStats } from '../../../src/model/statistics.js';
import type { ConnectedTask, Connection } from '../../../src/kapacitor/connections.js';
import { hostConnections } from '../../../src/tasks/watch/host-connections.js';

const task = (id: string, script = 'stream|from()@mine()'): ConnectedTask => ({
  id,
  script,
  executing: true,
});
const use = (id: string, udf = 'mine', connections = 1): UseStats => ({
  task: id,
  node: `${udf}2`,
  udf,
  connections,
  stats: noStats,
});

function stateOf(
  subject: ConnectedTask,
  uses: readonly UseStats[],
  { others = [], isOnlyKapacitor = true, machine = 'unknown' }: Partial<Options> = {},
): Connection['state'] {
  const connections = hostConnections({
    uses: () => uses,
    udfs: new Set(['mine', 'second']),
    isOnlyKapacitor,
    machine: () => () => ({ state: machine, reason: 'as the machine shows' }),
  });
  return connections([subject, ...others])(subject).state;
}

interface Options {
  readonly others: readonly ConnectedTask[];
  readonly isOnlyKapacitor: boolean;
  readonly machine: Connection['state'];
}

const other = { others: [task('other')] };
const both = task('both', 'stream|from()@mine()@second()');

describe('the connection of a task, as its host knows it,', () => {
  it('is open if each of its UDFs is connected', () => {
    expect(stateOf(task('adsl'), [use('adsl')])).toBe('connected');
    expect(stateOf(both, [use('both'), use('both', 'second')])).toBe('connected');
    expect(stateOf(task('twice', 'stream|from()@mine()@mine()'), [use('twice', 'mine', 2)])).toBe(
      'connected',
    );
  });

  it('is lost without one, if another use shows that Kapacitor reaches this host', () => {
    expect(stateOf(task('adsl'), [use('other')], other)).toBe('lost');
    expect(stateOf(task('adsl'), [use('adsl', 'mine', 0), use('other')], other)).toBe('lost');
  });

  it.each(['unknown', 'lost', 'connected'] as const)('is otherwise what the machine shows: %s', (machine) => {
    expect(stateOf(task('adsl'), [], { machine })).toBe(machine);
    expect(stateOf(task('adsl'), [use('elsewhere')], { ...other, machine })).toBe(machine);
    expect(stateOf(task('adsl'), [use('other')], { ...other, isOnlyKapacitor: false, machine })).toBe(
      machine,
    );
    expect(stateOf(task('adsl', 'stream|from()@foreign()'), [use('other')], { ...other, machine })).toBe(
      machine,
    );
    expect(stateOf(task('x'.repeat(300)), [use('other')], { ...other, machine })).toBe(machine);
  });

  it('is unknown if only some of its UDFs are connected', () => {
    expect(stateOf(both, [use('both')])).toBe('unknown');
    expect(stateOf(task('twice', 'stream|from()@mine()@mine()'), [use('twice')])).toBe('unknown');
  });

  it('is none for a task that does not run or uses no UDF', () => {
    expect(stateOf({ ...task('adsl'), executing: false }, [use('other')], other)).toBe('none');
    expect(stateOf(task('adsl', 'stream|from()'), [use('other')], other)).toBe('none');
  });
});
