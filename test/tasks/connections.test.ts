import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Task } from '../../src/kapacitor/types.js';
import { taskConnections } from '../../src/tasks/connections.js';
import { restartTask, restartTasks } from '../../src/tasks/restart-tasks.js';
import { tempDir } from '../support/temp-dir.js';

const url = 'http://127.0.0.1:9092';

/** A /proc with one kapacitord that listens on port 9092, and the sockets that are connected. */
function machine(connected: (directory: string) => readonly string[]) {
  const directory = tempDir();
  const process = join(directory, 'proc/7');
  mkdirSync(join(process, 'net'), { recursive: true });
  mkdirSync(join(process, 'fd'));
  writeFileSync(join(directory, 'proc/uptime'), '100000.00 1.0');
  writeFileSync(join(process, 'comm'), 'kapacitord\n');
  writeFileSync(join(process, 'stat'), `7 (kapacitord) S ${'0 '.repeat(18)}1000 0`);
  const listener = '0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 55 1';
  writeFileSync(join(process, 'net/tcp'), `header\n   ${listener}\n`);
  symlinkSync('socket:[55]', join(process, 'fd/3'));
  symlinkSync('/', join(process, 'root'));
  const rows = connected(directory).map((path) => `0: 00000003 00000000 00000000 0001 03 9 ${path}\n`);
  writeFileSync(
    join(process, 'net/unix'),
    `Num RefCount Protocol Flags Type St Inode Path\n${rows.join('')}`,
  );
  const config = join(directory, 'kapacitor.conf');
  const socket = join(directory, 'a.sock');
  writeFileSync(config, `[udf.functions.a]\nsocket = "${socket}"\n[udf.functions.p]\nprog = "x"\n`);
  return { directory, socket, options: { config, proc: join(directory, 'proc') } };
}

const task = (id: string, more: Partial<Task> = {}): Task => ({
  ...{ id, type: 'stream', 'template-id': '', dbrps: [], script: 'stream|from()@a()', dot: '', vars: {} },
  ...{ status: 'enabled', executing: true, error: '', stats: null, 'last-enabled': '2026-01-01T00:00:00Z' },
  ...more,
});

describe('the connection of a task', () => {
  it.each<[string, number, string]>([
    ['lost if its socket has none', 0, 'lost'],
    ['open if its socket has as many as tasks use it', 2, 'connected'],
    ['unknown in between, where nothing tells its time', 1, 'unknown'],
  ])('is %s', (_, count, state) => {
    const { options } = machine((directory) => Array<string>(count).fill(join(directory, '.a.sock.0a1b2c3')));
    const tasks = [task('one'), task('two')];
    const connectionOf = taskConnections(url, options)(tasks);
    expect(tasks.map((each) => connectionOf(each).state)).toEqual([state, state]);
  });

  it('is told by the times of the task and of the socket, if there are fewer than tasks', () => {
    const { socket, options } = machine((directory) => [join(directory, 'a.sock')]);
    writeFileSync(socket, '');
    const bound = Date.now() / 1_000;
    utimesSync(socket, bound, bound);
    const at = (seconds: number) => new Date((bound + seconds) * 1_000).toISOString();
    const states = [10, -3_600, -60].map((seconds) => {
      const one = task('one', { 'last-enabled': at(seconds), modified: at(seconds) });
      return taskConnections(url, options)([one, task('two')])(one).state;
    });
    expect(states).toEqual(['connected', 'lost', 'unknown']);
  });

  it('is unknown for a process, an unknown UDF, another machine and a socket that may be the same', () => {
    const { options } = machine(() => ['/elsewhere/a.sock']);
    const stateOf = (script: string, at = url) => {
      const one = task('one', { script });
      return taskConnections(at, options)([one])(one).state;
    };
    expect(stateOf('stream|from()@p()')).toBe('unknown');
    expect(stateOf('stream|from()@other()')).toBe('unknown');
    expect(stateOf('stream|from()@a()', 'http://192.0.2.1:9092')).toBe('unknown');
    expect(stateOf('stream|from()@a()', 'http://127.0.0.1:1')).toBe('unknown');
    expect(stateOf('stream|from()@a()')).toBe('unknown');
    expect(stateOf('stream|from()')).toBe('none');
  });
});

describe('a restart', () => {
  const restart = async (state: 'connected' | 'lost' | 'unknown' | 'none', force = false) => {
    const asked: string[] = [];
    const change = (what: string) => (id: string) => {
      asked.push(`${what} ${id}`);
      return Promise.resolve(task(id));
    };
    const [outcome] = await restartTasks(['adsl-*'], {
      api: {
        tasks: () => Promise.resolve([task('adsl-edges'), task('other')]),
        task: (id) => Promise.resolve(task(id, { error: 'a2: stopping UDF server: node aborted' })),
        disableTask: change('disable'),
        enableTask: change('enable'),
      },
      connections: () => () => ({ state, reason: 'so it is' }),
      force,
    });
    return { done: outcome!.done, asked };
  };
  const both = ['disable adsl-edges', 'enable adsl-edges'];

  it('enables a task that ran only once Kapacitor has stored that its UDF was stopped', async () => {
    const asked: string[] = [];
    let looks = 0;
    const api = {
      disableTask: (id: string) => (asked.push('disable'), Promise.resolve(task(id))),
      enableTask: (id: string) => (asked.push('enable'), Promise.resolve(task(id))),
      task: (id: string) => {
        const error = ++looks < 3 ? '' : 'a2: stopping UDF server: node aborted';
        asked.push(error === '' ? 'not stored yet' : 'stored');
        return Promise.resolve(task(id, { error }));
      },
    };
    await restartTask(api, task('ran'));
    expect(asked).toEqual(['disable', 'not stored yet', 'not stored yet', 'stored', 'enable']);
    asked.length = 0;
    await restartTask(api, task('stopped', { executing: false }));
    await restartTask(api, task('plain', { script: 'stream|from()' }));
    expect(asked).toEqual(['disable', 'enable', 'disable', 'enable']);
  });

  it.each(['lost', 'none'] as const)('is done if the connection is %s', async (state) => {
    expect(await restart(state)).toEqual({ done: 'restarted', asked: both });
  });

  it.each(['connected', 'unknown'] as const)('is done only by force if it is %s', async (state) => {
    expect(await restart(state)).toEqual({ done: state, asked: [] });
    expect(await restart(state, true)).toEqual({ done: 'restarted', asked: both });
  });
});
