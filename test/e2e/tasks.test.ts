import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { globSync } from 'tinyglobby';
import { describe, expect, it } from 'vitest';
import { run } from '../support/run-program.js';
import { taskVar } from '../support/task-var.js';
import { tempDir } from '../support/temp-dir.js';
import { packageFolder } from './support/cli.js';
import { values } from './support/lines.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { database } from './support/test-task.js';
import { eventually } from './support/until.js';

const { missing, title } = needs('tasks apply and tasks status, with a real Kapacitor,', [
  'KAPACITORD',
  'INFLUXD',
]);

describe.skipIf(missing)(title, () => {
  const stack = useStack({ databases: [database] });
  const tickscripts = join(packageFolder, 'tickscripts');
  const tasks = (...args: string[]) => run('tasks', ...args, '--url', stack.kapacitor.url);
  let made = 0;

  /** A directory with one stream task that passes what is more than a limit. */
  const directoryOf = (files: Readonly<Record<string, string>>): string => {
    const directory = tempDir();
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    return directory;
  };
  const script = (limit: number): string =>
    `dbrp "db"."rp"\nstream\n    |from()\n    |where(lambda: "value" > ${limit})\n    |httpOut('last')\n`;
  const id = (): string => `apply-${++made}`;

  it('defines and enables all of this package once, and finds nothing to do the second time', async () => {
    const count = globSync(['tasks/*', 'templates/*'], { cwd: tickscripts }).length;
    const dry = await tasks('apply', tickscripts, '--dry-run');
    expect(dry.stdout).toContain(`\n${count} defined; this was a dry run`);
    expect(dry.code).toBe(0);
    expect(await stack.kapacitor.template('flapping')).toBeUndefined();

    const first = await tasks('apply', tickscripts);
    expect(first.stdout.split('\n')).toContain(`${count} defined`);
    expect(first.code).toBe(0);
    const second = await tasks('apply', tickscripts);
    expect(second.stdout).toMatch(/^unchanged {2}template flapping \(templates\/flapping\.tick\)$/m);
    expect(second.stdout.split('\n')).toContain(`${count} unchanged`);
  });

  it('changes a task that runs, so that the change takes effect, and shows the difference', async () => {
    const task = id();
    const directory = directoryOf({ [`${task}.tick`]: script(5) });
    expect((await tasks('apply', directory)).stdout).toContain('1 defined');
    writeFileSync(join(directory, `${task}.tick`), script(7));

    const dry = await tasks('apply', directory, '--dry-run');
    expect(dry.stdout).toContain('-    |where(lambda: "value" > 5)');
    expect(dry.stdout).toContain('+    |where(lambda: "value" > 7)');
    expect((await stack.kapacitor.task(task))!.script).toBe(script(5));

    const changed = await tasks('apply', directory);
    expect(changed).toMatchObject({ code: 0, stdout: expect.stringContaining('1 changed') as string });
    await stack.kapacitor.write('db', 'rp', values('m', [8, 6]).join('\n'));
    await eventually(() => stack.kapacitor.output(task, 'last')).toMatchObject([
      { values: [[expect.anything(), 8]] },
    ]);
    expect((await tasks('apply', directory)).stdout).toContain('1 unchanged');
  });

  it('changes variables, and the template with the tasks that are made from it', async () => {
    const [task, template] = [id(), id()];
    const yaml = (limit: string): string => `template-id: ${template}
dbrps: [{ db: db, rp: rp }]
vars:
  limit: { type: float, value: ${limit} }
  wait: { type: duration, value: 90m }
  fits: { type: lambda, value: '"value"   >  1.0' }
  tags: { type: list, value: [{ type: string, value: host }] }
  name: { type: string, value: m }
`;
    const text = (
      end: string,
    ): string => `var limit float\nvar wait = 1m\nvar fits lambda\nvar tags = [*]\nvar name string
stream|from().measurement(name).groupBy(tags)|where(fits)|window().period(wait).every(wait)${end}\n`;
    const directory = directoryOf({
      [`tasks/${task}.yaml`]: yaml('1.5'),
      [`templates/${template}.tick`]: text(''),
    });
    expect((await tasks('apply', directory)).stdout).toContain('2 defined');
    expect((await tasks('apply', directory)).stdout).toContain('2 unchanged');
    writeFileSync(join(directory, `tasks/${task}.yaml`), yaml('2.5'));
    const changed = await tasks('apply', directory);
    expect(changed.stdout).toContain('-limit: float 1.5');
    expect(changed.stdout).toContain('+limit: float 2.5');
    expect((await stack.kapacitor.task(task))!.vars).toMatchObject({ limit: taskVar.float(2.5) });
    writeFileSync(join(directory, `templates/${template}.tick`), text("|count('value')"));
    expect((await tasks('apply', directory)).stdout).toMatch(/^1 changed, 1 unchanged$/m);
    expect(await stack.kapacitor.task(task)).toMatchObject({
      script: text("|count('value')"),
      executing: true,
    });
    expect((await tasks('apply', directory)).stdout).toContain('2 unchanged');
  });

  it('makes of a task with a script one from a template', async () => {
    const task = id();
    const files = { [`${task}.yaml`]: `template-id: ${task}-t\ndbrps: [{ db: db, rp: rp }]` };
    await tasks('apply', directoryOf({ [`${task}.tick`]: script(1) }));
    const { stdout } = await tasks('apply', directoryOf({ ...files, [`${task}-t.tick`]: 'stream|from()' }));
    expect(stdout).toContain(`from a script of its own to the template ${task}-t`);
    expect(await stack.kapacitor.task(task)).toMatchObject({ 'template-id': `${task}-t`, executing: true });
  });

  it('enables a task that was disabled', async () => {
    const task = id();
    const directory = directoryOf({ [`${task}.tick`]: script(1) });
    await tasks('apply', directory);
    await stack.kapacitor.disableTask(task);
    expect((await tasks('apply', directory)).stdout).toContain('it was disabled');
    expect(await stack.kapacitor.task(task)).toMatchObject({ executing: true });
  });

  it('goes on after one that Kapacitor refuses, names it with the reason, and exits with 1', async () => {
    const task = id();
    const directory = directoryOf({
      'tasks/a-bad.tick': `dbrp "a"."b"\nstream|from()|nothing()`,
      'tasks/b-bad.yaml': 'template-id: none-such',
      'tasks/c-bad.json': '{',
      [`tasks/${task}.tick`]: script(1),
    });
    const { code, stdout } = await tasks('apply', directory);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^failed {5}task a-bad \(tasks\/a-bad\.tick\)\n.*no method or property "nothing"/m,
    );
    expect(stdout).toMatch(/^failed {5}task b-bad \(tasks\/b-bad\.yaml\)\n.*none-such/m);
    expect(stdout).toMatch(/^failed {5}tasks\/c-bad\.json\n {4}line 1: /m);
    expect(stdout).toMatch(/^3 failed, 1 defined$/m);
    expect(await stack.kapacitor.task(task)).toMatchObject({ executing: true });
  });

  it('shows the tasks that use our UDFs, their state and the points of their nodes', async () => {
    const task = id();
    const text = (end: string): string =>
      `dbrp "${task}"."rp"\nstream|from()@edgeDetect().field('value')${end}|httpOut('last')`;
    await tasks('apply', directoryOf({ [`${task}.tick`]: text(''), [`${task}-none.tick`]: script(1) }));
    await stack.kapacitor.write(task, 'rp', values('m', [1, 1, 2]).join('\n'));
    const mine = async () => {
      const { stdout } = await tasks('status', '--json');
      return (JSON.parse(stdout) as { tasks: { id: string }[] }).tasks.filter((found) =>
        found.id.startsWith(task),
      );
    };
    await eventually(mine).toMatchObject([
      {
        id: task,
        udfs: ['edgeDetect'],
        state: 'running',
        nodes: [
          { name: 'stream0', emitted: 3 },
          { name: 'from1', collected: 3 },
          { name: 'edgeDetect2', collected: 3, emitted: 2, errors: 0 },
          { name: 'http_out3', collected: 2 },
        ],
      },
    ]);
    const { stdout } = await tasks('status');
    expect(stdout).toMatch(
      new RegExp(
        `^running    ${task}  \\(stream @edgeDetect\\)\n {11}[0-9.]+ points/s, enabled \\S+ \\S+ \\(0 min ago\\)\n.*edgeDetect2 3 → 2`,
        'm',
      ),
    );
    expect((await tasks('status', '--all')).stdout).toContain(`${task}-none`);
  });

  it('shows why a task has stopped, when it is applied and later, and exits with 1', async () => {
    const task = id();
    const text = `dbrp "${task}"."rp"\nstream|from()@movingAverage().field('value').size(0)`;
    const applied = await tasks('apply', directoryOf({ [`${task}.tick`]: text }));
    expect(applied.code).toBe(1);
    expect(applied.stdout).toContain('stopped as soon as it was started');
    const { code, stdout, stderr } = await tasks('status');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(
      new RegExp(`^failed     ${task} .*\n +error: [^]*must be at[ \n]+least 1, got[ \n]+0`, 'm'),
    );
    await stack.kapacitor.deleteTask(task);
  });

  it('leaves out byte order marks', async () => {
    const task = id();
    const directory = directoryOf({ [`${task}.tick`]: `\uFEFF${script(1)}` });
    expect((await tasks('apply', directory)).stdout).toContain('1 defined');
    expect((await stack.kapacitor.task(task))!.script).toBe(script(1));
  });

  it('restarts a task that has lost its host, though Kapacitor shows it as running, and none that has not', async () => {
    const task = id();
    const text = `dbrp "${task}"."rp"\nstream|from()@movingAverage().field('value').size(2)|httpOut('last')`;
    await tasks('apply', directoryOf({ [`${task}.tick`]: text }));
    const state = async () => {
      const { stdout } = await tasks('status', '--json');
      const all = (JSON.parse(stdout) as { tasks: { id: string; state: string }[] }).tasks;
      return all.find((found) => found.id === task)?.state;
    };
    await eventually(state).toBe('running');
    const left = await tasks('restart', task);
    expect(left).toMatchObject({ code: 0, stdout: expect.stringMatching(/^connected {2}/) as string });

    await stack.agent.stop();
    await eventually(state).toBe('lost');
    expect(await stack.kapacitor.task(task)).toMatchObject({ executing: true });
    await stack.agent.start();
    const restarted = await tasks('restart', task);
    expect(restarted).toMatchObject({ code: 0, stdout: expect.stringMatching(/^restarted {2}/) as string });
    await eventually(state).toBe('running');
    await stack.kapacitor.deleteTask(task);
  }, 30_000);

  it('says what it waits for, and that nobody answers', async () => {
    const { code, stderr } = await run(
      'tasks',
      'apply',
      tickscripts,
      '--url',
      'http://127.0.0.1:1',
      '--wait',
      '1s',
    );
    expect(code).toBe(1);
    const lines = stderr.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^kapacitor-udf: waiting: no answer from Kapacitor at http:\/\/127\.0\.0\.1:1 /);
    expect(lines.at(-1)).toMatch(/^kapacitor-udf: no answer from Kapacitor at http:\/\/127\.0\.0\.1:1 /);
  });
});
