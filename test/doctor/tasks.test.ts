import { describe, expect, test } from 'vitest';
import { mirror } from '../../udfs/index.js';
import { setUp, taskOf } from './support/setup.js';

describe('tasks', () => {
  test('that have stopped are errors, with a remedy that fits the cause', async () => {
    const setup = await setUp([mirror]);
    const stopped = { executing: false, stats: null };
    setup.kapacitor.tasks.push(
      taskOf('dead', 'stream|from()@mirror()', {
        ...stopped,
        error:
          'mirror2: stopping UDF server: write error: write unix @->/run/mirror.sock: write: broken pipe',
      }),
      taskOf('wrong', 'stream|from()@mirror()', { ...stopped, error: 'mirror2: .size() is required\nsee' }),
      taskOf('off', 'stream|from()@mirror()', { ...stopped, status: 'disabled', error: 'old' }),
      taskOf('plain', 'stream|from()', { ...stopped, error: 'not about UDFs' }),
    );
    expect(await setup.findings()).toMatchObject([
      {
        where: 'task dead',
        what: expect.stringMatching(/^it lost its UDF: .*broken pipe$/) as string,
        remedy: expect.stringMatching(/^start the host, then kapacitor-udf tasks restart dead/) as string,
      },
      {
        where: 'task wrong',
        what: 'it has stopped: mirror2: .size() is required see',
        remedy: 'mend what the error names, then kapacitor-udf tasks restart wrong',
      },
    ]);
  });

  test('that use what the configuration or the UDF no longer has are warnings', async () => {
    const setup = await setUp([mirror]);
    setup.kapacitor.tasks.push(taskOf('old', "stream|from()@gone()@mirror().onErorr('drop')"));
    expect(await setup.findings()).toMatchObject([
      {
        severity: 'warning',
        what: `it uses @gone, which has no section in ${setup.config}: it fails when Kapacitor starts next`,
      },
      {
        severity: 'warning',
        what: 'it calls .onErorr() of @mirror, which the UDF no longer has: it fails when it is enabled next',
        remedy: 'remove the call (or did you mean .onError()?) and define the task again',
      },
    ]);
  });
});
