import { describe, expect, it } from 'vitest';
import { FakeKapacitor } from '../tasks/watch/support/fake-kapacitor.js';
import { run } from '../support/run-program.js';
import { Cli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const script = 'stream|from()@mirror()';
const errorIn = (directory: string): string =>
  `mirror2: stopping UDF server: write error: write unix @->${directory}/.mirror.sock.0a1b2c3: write: broken pipe`;

describe('tasks watch', () => {
  it('once revives what needs it, and exits with 0 when all runs', async () => {
    const kapacitor = await FakeKapacitor.start();
    const directory = tempDir();
    await serve(['mirror', '--socket-dir', directory]);
    const task = kapacitor.addDead('adsl', { script, error: errorIn(directory) });
    const args = ['tasks', 'watch', '--url', kapacitor.url, '--socket-dir', directory];

    const dry = await run(...args, '--dry-run');
    expect(dry).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^task adsl would be enabled again: /) as string,
    });
    expect(kapacitor.changes).toEqual([]);

    const { code, stdout } = await run(...args, '--once', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      event: 'revived',
      task: 'adsl',
      attempt: 1,
      kapacitor: kapacitor.url,
    });
    expect(task).toMatchObject({ status: 'enabled', executing: true });
    expect(await run(...args, '--once')).toMatchObject({ code: 0, stdout: '' });
  });

  it('once exits with 1 while a task does not run, or Kapacitor does not answer', async () => {
    const kapacitor = await FakeKapacitor.start();
    const directory = tempDir();
    kapacitor.addDead('adsl', { script, error: errorIn(directory) });
    const args = ['tasks', 'watch', 'mirror', '--once', '--socket-dir', directory];
    const away = await run(...args, '--url', kapacitor.url);
    expect(away).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(
        'task adsl is not enabled again yet: @mirror does not answer on ',
      ) as string,
    });
    const none = await run(...args, '--url', 'http://127.0.0.1:1');
    expect(none).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^waits for Kapacitor: /) as string,
    });
  });

  it('runs until a signal', async () => {
    const kapacitor = await FakeKapacitor.start();
    const directory = tempDir();
    await serve(['mirror', '--socket-dir', directory]);
    const watch = new Cli([
      'tasks',
      'watch',
      '--url',
      kapacitor.url,
      '--socket-dir',
      directory,
      '--interval',
      '100ms',
    ]);
    const task = kapacitor.addDead('adsl', { script, error: errorIn(directory) });
    await until('it is revived', () => task.executing);
    expect(await watch.stop()).toEqual({ code: 0, signal: null });
  });

  it('refuses credentials in the URL', async () => {
    const { code, stderr } = await run('tasks', 'watch', '--url', 'http://me:secret@localhost:9092');
    expect(code).toBe(2);
    expect(stderr).toContain('give credentials in KAPACITOR_USERNAME and KAPACITOR_PASSWORD');
    expect(stderr).not.toContain('secret');
  });
});

describe('serve --kapacitor', () => {
  it('revives tasks of several Kapacitors, and a line of the log says so', async () => {
    const kapacitors = [await FakeKapacitor.start(), await FakeKapacitor.start()];
    const directory = tempDir();
    for (const kapacitor of kapacitors) kapacitor.addDead('adsl', { script, error: errorIn(directory) });
    const urls = kapacitors.flatMap(({ url }) => ['--kapacitor', url]);
    const host = await serve([...urls, '--socket-dir', directory, 'mirror']);
    await until('both are revived', () => host.log.filter(({ event }) => event === 'revived').length === 2);
    expect(host.log.find(({ event }) => event === 'revived')).toMatchObject({
      task: 'adsl',
      attempt: 1,
      level: 'info',
    });
    expect(await host.stop()).toEqual({ code: 0, signal: null });
    expect(kapacitors.map(({ crashes }) => crashes)).toEqual([[], []]);
  });
});
