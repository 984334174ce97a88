import { describe, expect, it } from 'vitest';
import { restartTask, restartTasks } from '../../src/tasks/restart-tasks.js';
import { enabledTask } from '../support/enabled-task.js';

describe('a restart', () => {
  const restart = async (state: 'connected' | 'lost' | 'unknown' | 'none', force = false) => {
    const asked: string[] = [];
    const change = (what: string) => (id: string) => {
      asked.push(`${what} ${id}`);
      return Promise.resolve(enabledTask(id));
    };
    const [outcome] = await restartTasks(['adsl-*'], {
      api: {
        tasks: () => Promise.resolve([enabledTask('adsl-edges'), enabledTask('other')]),
        task: (id) => Promise.resolve(enabledTask(id, { error: 'a2: stopping UDF server: node aborted' })),
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
      disableTask: (id: string) => (asked.push('disable'), Promise.resolve(enabledTask(id))),
      enableTask: (id: string) => (asked.push('enable'), Promise.resolve(enabledTask(id))),
      task: (id: string) => {
        const error = ++looks < 3 ? '' : 'a2: stopping UDF server: node aborted';
        asked.push(error === '' ? 'not stored yet' : 'stored');
        return Promise.resolve(enabledTask(id, { error }));
      },
    };
    await restartTask(api, enabledTask('ran'));
    expect(asked).toEqual(['disable', 'not stored yet', 'not stored yet', 'stored', 'enable']);
    asked.length = 0;
    await restartTask(api, enabledTask('stopped', { executing: false }));
    await restartTask(api, enabledTask('plain', { script: 'stream|from()' }));
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
