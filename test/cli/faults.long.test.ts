import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { connect, type Conversation } from '../support/connect.js';
import { type Cli, serve } from '../support/spawn-cli.js';
import { stdioKinds } from '../support/stdio-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { pointRequest } from '../support/udf-messages.js';

const module = fileURLToPath(new URL('modules/faulty.mjs', import.meta.url));

const faultRequest = (fault: string) => pointRequest({ time: 1n, fields: { fault } });

/** A host of `faulty` and `mirror` whose UDF `faulty` has got a point with this fault. */
async function hostWith(
  fault: string,
  ...args: readonly string[]
): Promise<{ readonly cli: Cli; readonly directory: string; readonly kapacitor: Conversation }> {
  const directory = tempDir();
  const cli = await serve(['faulty', 'mirror', '--load', module, '--socket-dir', directory, ...args]);
  const kapacitor = await connect(join(directory, 'faulty.sock'));
  await kapacitor.init();
  kapacitor.send(faultRequest(fault));
  await cli.untilLogged(`fault: ${fault}`);
  return { cli, directory, kapacitor };
}

const entryOf = (cli: Cli, text: string) => cli.log.find(({ msg }) => String(msg).includes(text));

describe('what blocks the event loop is logged after a second, with UDF, task, node and line', () => {
  test.each(['loop', 'regex', 'block', 'system call'])(
    'a handler that does not return: %s',
    async (fault) => {
      const { cli } = await hostWith(fault);
      await cli.untilLogged('the event loop is blocked');
      const entry = entryOf(cli, 'is blocked');
      expect(entry).toMatchObject({ level: 'error', udf: 'faulty', task: 'task', node: 'node' });
      expect(entry!.msg).toMatch(
        /^the event loop is blocked: UDF faulty of task task, node node, has not returned from a point for 1 s/,
      );
      if (fault !== 'system call') expect(JSON.stringify(entry)).toMatch(/faulty\.mjs:\d+/);
    },
  );

  test('an async handler that blocks after it has awaited', async () => {
    const { cli } = await hostWith('loop after await');
    await cli.untilLogged('the event loop is blocked');
    const entry = entryOf(cli, 'is blocked');
    expect(entry).toMatchObject({ udf: 'faulty', task: 'task', node: 'node' });
    expect(entry!.msg).toMatch(
      /in loop .*faulty\.mjs:\d+; async handlers are under way in UDF faulty of task task/,
    );
  });

  test('a timer', async () => {
    const { cli } = await hostWith('loop in a timer');
    await cli.untilLogged('the event loop is blocked');
    expect(entryOf(cli, 'is blocked')!.msg).toMatch(
      /a timer for example, has run for 1 s, in loop .*faulty\.mjs:\d+; hosted: faulty, mirror$/,
    );
  });

  test('and how long it took, once it goes on', async () => {
    const { cli, kapacitor } = await hostWith('block');
    await cli.untilLogged('the event loop runs again');
    const { ms, ...entry } = entryOf(cli, 'runs again') as { readonly ms: number };
    expect(entry).toMatchObject({ level: 'warn', udf: 'faulty', task: 'task', node: 'node' });
    expect(ms).toBeGreaterThan(1_000);
    await kapacitor.next('point');
    expect(await cli.stop()).toEqual({ code: 0, signal: null });
  });

  test('in a child process too', async () => {
    const { cli, kapacitor } = stdioKinds.pipes(['faulty', '--load', module]);
    await kapacitor.init();
    kapacitor.send(faultRequest('loop'));
    await cli.untilLogged('the event loop is blocked: UDF faulty of task task, node node');
  });
});

describe('--stall-limit', () => {
  test.each(['loop', 'regex', 'loop in a timer'])(
    'ends a host whose event loop is blocked so long with 70, and removes its sockets: %s',
    async (fault) => {
      const { cli, directory } = await hostWith(fault, '--stall-limit', '1s');
      expect(await cli.ended).toEqual({ code: 70, signal: null });
      expect(cli.log.at(-1)).toMatchObject({ level: 'error', code: 70 });
      expect(cli.stderr.trimEnd().split('\n').at(-1)).toMatch(
        /^\{.*exits: the event loop was blocked for 1 s/,
      );
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  test('ends one that is in a system call by SIGKILL', async () => {
    const { cli, directory } = await hostWith('system call', '--stall-limit', '1s');
    expect(await cli.ended).toEqual({ code: null, signal: 'SIGKILL' });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('leaves a host alone that goes on in time', async () => {
    const { cli, kapacitor } = await hostWith('block', '--stall-limit', '10s');
    await kapacitor.next('point');
    expect(await cli.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('SIGTERM ends a frozen host', () => {
  test('that has been frozen for the drain time', async () => {
    const { cli } = await hostWith('loop', '--drain-ms', '1000');
    await cli.untilLogged('signals end the process at once');
    expect(await cli.stop()).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('that freezes while it stops', async () => {
    const { cli, directory } = await hostWith('loop in stop', '--drain-ms', '1000');
    expect(await cli.stop()).toEqual({ code: 70, signal: null });
    expect(cli.logged('exits: the event loop was blocked while the host stopped')).toBe(true);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('a short freeze does not change that the host finishes first', async () => {
    const { cli, kapacitor } = await hostWith('block');
    expect(await cli.stop()).toEqual({ code: 0, signal: null });
    await kapacitor.next('point');
  });
});

describe('a UDF that ends the host is named, and the sockets are removed', () => {
  test.each([
    ['exit 0', 1, 'exits: process.exit(0) was called (UDF faulty of task task ('],
    ['exit 3', 3, 'exits: process.exit(3) was called (UDF faulty of task task ('],
    ['exit in a timer', 1, 'exits: process.exit(0) was called (UDF faulty ('],
    ['error event', 1, 'exits: uncaught error: boom (UDF faulty ('],
    ['microtask', 1, 'exits: uncaught error: boom (UDF faulty ('],
  ])('by %s', async (fault, code, message) => {
    const { cli, directory } = await hostWith(fault);
    expect(await cli.ended).toEqual({ code, signal: null });
    const [entry, ...others] = cli.log.filter(({ level }) => level === 'error');
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ udf: 'faulty' });
    expect(entry!.msg).toContain(message);
    expect(entry!.msg).toMatch(/faulty\.mjs:\d+\)\)?$/);
    expect(readdirSync(directory)).toEqual([]);
  });

  test.each([
    ['abort', 'SIGABRT', 'exits: process.abort() was called (UDF faulty of task task ('],
    [
      'SIGKILL',
      'SIGKILL',
      "exits: process.kill(process.pid, 'SIGKILL') was called (UDF faulty of task task (",
    ],
  ])('by %s', async (fault, signal, message) => {
    const { cli, directory } = await hostWith(fault);
    expect(await cli.ended).toEqual({ code: null, signal });
    expect(entryOf(cli, 'exits')!.msg).toContain(message);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('in a child process too', async () => {
    const { cli, kapacitor } = stdioKinds.pipes(['faulty', '--load', module]);
    await kapacitor.init();
    kapacitor.send(faultRequest('exit 0'));
    expect(await cli.ended).toEqual({ code: 1, signal: null });
    expect(cli.logged('exits: process.exit(0) was called (UDF faulty of task task')).toBe(true);
  });
});
