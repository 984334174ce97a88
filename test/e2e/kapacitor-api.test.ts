import { describe, expect, it, onTestFinished } from 'vitest';
import { KapacitorApi } from '../../src/kapacitor/api.js';
import { KapacitorRefusal } from '../../src/kapacitor/http.js';
import { taskVar } from '../support/task-var.js';
import { values } from './support/lines.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { startTask } from './support/test-task.js';
import { eventually } from './support/until.js';

const { missing, title } = needs("The client of Kapacitor's HTTP API", ['KAPACITORD']);

describe.skipIf(missing)(title, () => {
  const stack = useStack({ processes: ['mirror'] });

  it('defines, changes, lists and deletes tasks', async () => {
    const { kapacitor } = stack;
    const script = `dbrp "a"."b"\n\nvar limit = 1.0\n\nstream\n    |from()\n    |where(lambda: "x" > limit)\n`;
    await kapacitor.createTask('one', { script });
    onTestFinished(() => kapacitor.deleteTask('one'));
    expect(await kapacitor.task('one')).toMatchObject({
      script,
      type: 'stream',
      dbrps: [{ db: 'a', rp: 'b' }],
      status: 'disabled',
    });
    await kapacitor.updateTask('one', { vars: { limit: taskVar.float(2) }, status: 'enabled' });
    const [task, ...others] = await kapacitor.tasks('on?');
    expect(others).toEqual([]);
    expect(task).toMatchObject({
      status: 'enabled',
      executing: true,
      vars: { limit: { type: 'float', value: 2 } },
    });
    await kapacitor.disableTask('one');
    expect(await kapacitor.task('one')).toMatchObject({ status: 'disabled', executing: false });
    await kapacitor.deleteTask('one');
    await kapacitor.deleteTask('one');
    expect(await kapacitor.task('one')).toBeUndefined();
  });

  it('lists more tasks than Kapacitor gives at a time', async () => {
    const { kapacitor } = stack;
    const ids = Array.from({ length: 101 }, (_, index) => `many-${String(index).padStart(3, '0')}`);
    onTestFinished(() => Promise.all(ids.map((id) => kapacitor.deleteTask(id))).then(() => undefined));
    for (const id of ids) await kapacitor.createTask(id, { script: `dbrp "a"."b"\nstream|from()` });
    expect((await kapacitor.tasks('many-*')).map(({ id }) => id)).toEqual(ids);
  });

  it('defines and changes templates, and tasks made from them', async () => {
    const { kapacitor } = stack;
    const script = (measurement: string): string => `var limit float
stream|from().measurement('${measurement}')|where(lambda: "x" > limit)`;
    await kapacitor.createTemplate('limited', { script: script('a'), type: 'stream' });
    onTestFinished(() => kapacitor.deleteTemplate('limited'));
    await kapacitor.createTask('high', {
      'template-id': 'limited',
      dbrps: [{ db: 'a', rp: 'b' }],
      vars: { limit: taskVar.float(9.5) },
    });
    onTestFinished(() => kapacitor.deleteTask('high'));
    await kapacitor.updateTemplate('limited', { script: script('b'), type: 'stream' });
    expect(await kapacitor.template('limited')).toMatchObject({ script: script('b'), error: '' });
    expect(await kapacitor.task('high')).toMatchObject({ 'template-id': 'limited', script: script('b') });
    expect(await kapacitor.template('none')).toBeUndefined();
  });

  it('shows the state of alerts', async () => {
    const task = await startTask(stack.kapacitor, {
      script: `stream|from().measurement('m')|alert().id('it').message('{{ .Level }}')
        .crit(lambda: "value" > 5.0).topic('things')`,
    });
    await task.write(values('m', [1, 9]));
    await eventually(() => stack.kapacitor.topicEvents('things')).toMatchObject([
      { id: 'it', state: { level: 'CRITICAL', message: 'CRITICAL' } },
    ]);
  });

  it('shows the configuration', async () => {
    const { kapacitor } = stack;
    expect(await kapacitor.config('influxdb')).toMatchObject({
      elements: [{ options: { name: 'test', enabled: false } }],
    });
  });

  it('rejects with the reason of Kapacitor when it refuses', async () => {
    const refused = stack.kapacitor.createTask('no', { script: 'stream|nothing()' });
    await expect(refused).rejects.toThrow(KapacitorRefusal);
    await expect(refused).rejects.toThrow(/^Kapacitor refused POST \/tasks: .*nothing.* \(HTTP 400\)$/);
  });

  it('rejects with the URL when nobody answers', async () => {
    const nobody = new KapacitorApi('http://127.0.0.1:1/');
    await expect(nobody.ping()).rejects.toThrow(
      /^no answer from Kapacitor at http:\/\/127.0.0.1:1 \(GET \/ping\): /,
    );
  });
});
