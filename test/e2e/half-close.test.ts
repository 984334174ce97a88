import { describe, expect, it } from 'vitest';
import { adslLines } from './support/adsl.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { database, startTask } from './support/test-task.js';
import { until } from './support/until.js';

const { missing, title } = needs(
  'When the input of a real Kapacitor ends',
  ['KAPACITORD', 'INFLUXD'],
  'subscriptions',
);

/** Sends each point on a little later, so that some are on their way when the input ends. */
const patientMirror = `
import { setImmediate } from 'node:timers/promises';
import { defineUdf } from 'kapacitor-udf';

export default defineUdf({
  name: 'patientMirror',
  wants: 'stream',
  provides: 'stream',
  async point(point, { emit }) {
    await setImmediate();
    emit(point);
  },
});
`;

const rounds = 100;
const atOnce = 4;

describe.skipIf(missing)(title, () => {
  const stack = useStack({ databases: [database], module: patientMirror });

  it(`nothing is lost that was on its way through a UDF, in ${rounds} rounds`, async () => {
    const { kapacitor, influx } = stack;
    await influx.write(database, adslLines.join('\n'));
    const recording = await kapacitor.recordQuery(
      'stream',
      'SELECT value FROM telegraf.autogen.adsl_connection GROUP BY host',
    );
    await until('the recording', async () => (await kapacitor.recording(recording.id)).status === 'finished');
    const task = await startTask(kapacitor, {
      script: `stream|from().groupBy('host')@patientMirror()
        |influxDBOut().database('telegraf').retentionPolicy('autogen').measurement('mirrored')`,
      status: 'disabled',
    });
    // Times are moved to the present, so every round writes points of its own.
    const replay = async (): Promise<void> => {
      const { id } = await kapacitor.replay({ task: task.id, recording: recording.id });
      const { error } = await until('a replay', async () => {
        const state = await kapacitor.replayStatus(id);
        return state.status !== 'running' && state;
      });
      expect(error).toBe('');
    };
    const replays = Array.from({ length: atOnce }, async () => {
      for (let round = 0; round < rounds / atOnce; round++) await replay();
    });
    await Promise.all(replays);
    const [counted] = await influx.query('SELECT count(value) FROM telegraf.autogen.mirrored');
    expect(counted?.count).toBe(rounds * adslLines.length);
  });
});
