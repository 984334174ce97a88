import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../support/run-program.js';
import { tempDir } from '../support/temp-dir.js';
import { values } from './support/lines.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { eventually, until } from './support/until.js';

const { missing, title } = needs('While the host is away, a real Kapacitor', ['KAPACITORD']);

describe.skipIf(missing)(title, () => {
  const stack = useStack();
  const mirrored = 'dbrp "db"."rp"\nstream\n    |from()\n    @mirror()\n    |httpOut(\'last\')\n';

  function directoryWith(script: string): string {
    const directory = tempDir();
    writeFileSync(join(directory, 'mirrored.tick'), script);
    return directory;
  }

  it('shows an idle task as running; tasks apply --restart starts it anew once the host is back', async () => {
    const directory = directoryWith(mirrored);
    const apply = (...args: string[]) =>
      run('tasks', 'apply', directory, ...args, '--url', stack.kapacitor.url);
    expect((await apply()).stdout).toContain('1 defined');
    await stack.agent.stop();
    await stack.agent.start();
    expect((await apply()).stdout).toContain('1 unchanged');

    expect((await apply('--restart', '--dry-run')).stdout).toMatch(/^restarted {2}task mirrored/);
    expect(await apply('--restart')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 restarted') as string,
    });
    await stack.kapacitor.write('db', 'rp', values('m', [5]).join('\n'));
    await eventually(() => stack.kapacitor.output('mirrored', 'last')).toMatchObject([
      { values: [[expect.anything(), 5]] },
    ]);
    await stack.kapacitor.deleteTask('mirrored');
  });

  it('waits for the UDF: a test says so, and how to remove what cannot be removed meanwhile', async () => {
    const directory = directoryWith(mirrored);
    const cases = join(directory, 'cases.yaml');
    writeFileSync(
      cases,
      'tests:\n  - name: one\n    task_name: mirrored\n    data: m v=1 1\n    expects: { counts: { mirror: 1 } }\n',
    );
    await stack.agent.stop();
    const { code, stdout, stderr } = await run('test', cases, '--kapacitor', stack.kapacitor.url);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'mirror2 has taken none of its points: does the host of its UDF run? kapacitor-udf check shows whether it does',
    );
    const [, task = ''] = /kapacitor delete tasks (\S+) removes the task/.exec(stderr) ?? [];
    await stack.agent.start();
    // Until Kapacitor has found the host again, to delete the task fails as it did before.
    await until('the task can be deleted', () =>
      stack.kapacitor.deleteTask(task).then(
        () => true,
        () => false,
      ),
    );
    expect(await stack.kapacitor.tasks()).toEqual([]);
  });
});
