import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { taskConnections } from '../../src/kapacitor/connections.js';
import { enabledTask } from '../support/enabled-task.js';
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

describe('the connection of a task', () => {
  it.each<[string, number, string]>([
    ['lost if its socket has none', 0, 'lost'],
    ['open if its socket has as many as tasks use it', 2, 'connected'],
    ['unknown in between, where nothing tells its time', 1, 'unknown'],
  ])('is %s', (_, count, state) => {
    const { options } = machine((directory) => Array<string>(count).fill(join(directory, '.a.sock.0a1b2c3')));
    const tasks = [enabledTask('one'), enabledTask('two')];
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
      const one = enabledTask('one', { 'last-enabled': at(seconds), modified: at(seconds) });
      return taskConnections(url, options)([one, enabledTask('two')])(one).state;
    });
    expect(states).toEqual(['connected', 'lost', 'unknown']);
  });

  it('is unknown for a process, an unknown UDF, another machine and a socket that may be the same', () => {
    const { options } = machine(() => ['/elsewhere/a.sock']);
    const stateOf = (script: string, at = url) => {
      const one = enabledTask('one', { script });
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
