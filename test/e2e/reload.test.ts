import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../support/run-program.js';
import { epoch } from './support/lines.js';
import { needs } from './support/servers.js';
import { showLogsOnFailure, Stack } from './support/stack.js';
import { database, newTask, retentionPolicy } from './support/test-task.js';
import { eventually } from './support/until.js';

const { missing, title } = needs('A reload under a real Kapacitor', ['KAPACITORD', 'INFLUXD']);

const hosts = 10;
const pointsPerWrite = 200;
const writesPerReload = 50;
const reloads = 3;

/** Counts the points of a group, and says which version of the code did so. */
const counting = `
import { defineUdf } from 'kapacitor-udf';
export default defineUdf({
  name: 'counting', wants: 'stream', provides: 'stream',
  state: () => ({ n: 0 }),
  point: (point, { state }) => point.withFields({ n: BigInt(++state.n), version: 1n }),
});
`;

describe.skipIf(missing)(title, () => {
  let stack: Stack;

  beforeEach(() => {
    stack = new Stack();
  });
  afterEach(() => stack.stop(), 30_000);
  showLogsOnFailure(() => stack);

  const load = (version: number): void => {
    const file = join(stack.folder, 'udfs.mjs');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/version: \d+n/, `version: ${version}n`));
  };

  it('loses no point and no state, counted at the end of the pipeline', async () => {
    await stack.prepare({ databases: [database, 'counted'], module: counting });
    await stack.agent.start(undefined, ['--isolate']);
    await stack.kapacitord.start();
    await newTask(stack.kapacitor, {
      script: `stream|from().measurement('m').groupBy('host')@counting()
        |influxDBOut().database('counted').measurement('points').flushInterval(100ms)`,
    });

    let written = 0;
    const writePoints = async (): Promise<void> => {
      const lines = Array.from({ length: pointsPerWrite }, () => {
        const time = epoch + BigInt(written) * 1_000n;
        return `m,host=h${written++ % hosts} value=1 ${time}`;
      });
      await stack.kapacitor.write(database, retentionPolicy, lines.join('\n'));
    };
    for (let version = 2; version <= reloads + 1; version++) {
      load(version);
      const reload = run('reload', '--config', stack.kapacitord.configFile);
      for (let writes = 0; writes < writesPerReload; writes++) await writePoints();
      expect(await reload).toMatchObject({ code: 0, stdout: '1 worker replaced\n' });
    }
    await writePoints();

    const count = async (): Promise<unknown> =>
      (await stack.influx.query('SELECT count(value) AS points FROM points', 'counted'))[0]?.points;
    await eventually(count).toBe(written);
    const last = await stack.influx.query(
      'SELECT last(n) AS n, version FROM points GROUP BY host',
      'counted',
    );
    const version = reloads + 1;
    expect(last).toEqual(Array(hosts).fill(expect.objectContaining({ n: written / hosts, version })));
  }, 60_000);
});
