import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { KapacitorApi } from '../../src/kapacitor/api.js';
import { applyTasks, countOutcomes } from '../../src/tasks/apply-tasks.js';
import { tempDir } from '../support/temp-dir.js';

test('a task that stops as soon as it is started counts as failed only', async () => {
  const directory = tempDir();
  mkdirSync(join(directory, 'tasks'));
  for (const id of ['bad', 'good']) {
    writeFileSync(join(directory, 'tasks', `${id}.tick`), 'dbrp "a"."b"\nstream|from()');
  }
  const defined = new Set<string>();
  const api = {
    ping: () => Promise.resolve(),
    createTask: (id: string) => Promise.resolve(defined.add(id)),
    task: (id: string) =>
      Promise.resolve(
        defined.has(id) ? { executing: id === 'good', error: '.field() is required' } : undefined,
      ),
  } as unknown as KapacitorApi; // what a new task needs
  const reported: string[] = [];
  const outcomes = await applyTasks(directory, {
    api,
    dryRun: false,
    restart: 'none',
    waitMs: 0,
    connections: () => () => ({ state: 'connected', reason: '' }),
    onOutcome: ({ done, subject }) => void reported.push(`${done} ${subject}`),
  });
  expect(countOutcomes(outcomes)).toBe('1 failed, 1 defined');
  expect(outcomes[0]).toMatchObject({ done: 'failed', details: ['.field() is required'] });
  expect(reported).toEqual([
    'defined task bad (tasks/bad.tick)',
    'defined task good (tasks/good.tick)',
    'failed task bad (tasks/bad.tick) stopped as soon as it was started',
  ]);
});
