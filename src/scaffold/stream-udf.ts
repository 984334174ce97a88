import type { UdfFiles } from './project-files.js';

/** A UDF that adds how much a field has changed. */
export function streamUdf(name: string, file: string): UdfFiles {
  return {
    summary: 'Adds to each point how much a numeric field has changed since the last point of its group.',
    scriptTestArguments: '',
    files: {
      [`src/${file}.ts`]: source(name),
      [`test/${file}.test.ts`]: test(name, file),
      'recordings/cpu.lp': recording,
      [`tickscripts/tasks/${file}.tick`]: tickscript(name),
      [`tickscripts/tests/${file}.yaml`]: scriptTest(name, file),
    },
  };
}

const source = (name: string): string => `\
import { defineUdf, option } from 'kapacitor-udf';

export default defineUdf({
  name: '${name}',
  doc: 'Adds how much a field has changed since the last point of its group.',
  wants: 'stream',
  provides: 'stream',
  options: {
    field: option.field({ required: true, doc: 'Numeric field to watch.' }),
    as: option.field({ default: 'change', doc: 'Name of the field that is added.' }),
  },
  // One for each group; saved with Kapacitor's snapshots, and restored when the task starts again.
  state: () => ({ last: null as number | null }),
  point(point, { options, state }) {
    const value = point.number(options.field);
    if (value === undefined) return point; // without the field, or with text in it
    const { last } = state;
    state.last = value;
    return last === null ? point : point.withField(options.as, value - last);
  },
});
`;

const test = (name: string, file: string): string => `\
import { expectPoints, openRecording, replay, runUdf } from 'kapacitor-udf/testkit';
import { expect, test } from 'vitest';
import ${name}Udf from '../src/${file}.ts';

test('adds the change of a field, group by group', async () => {
  const recording = await openRecording('recordings/cpu.lp', { groupBy: ['host'] });
  const { points } = await replay(recording, ${name}Udf, { options: { field: 'usage', as: 'step' } });
  expectPoints(
    points,
    \`
      cpu,host=a usage=10 1514979000000000000
      cpu,host=b usage=50 1514979000000000000
      cpu,host=a usage=12.5,step=2.5 1514979010000000000
      cpu,host=b usage=40,step=-10 1514979010000000000
      cpu,host=a idle=80 1514979020000000000
      cpu,host=a usage=12.5,step=0 1514979030000000000
    \`,
  );
});

test('remembers the last value over a restart of the task', async () => {
  const run = await runUdf(${name}Udf, { options: { field: 'usage' } });
  await run.send('cpu usage=1');
  const again = await run.restart();
  const { points } = await again.send('cpu usage=4');
  expect(points.map(({ fields }) => fields)).toEqual([{ usage: 4, change: 3 }]);
});
`;

const recording = `\
cpu,host=a usage=10 1514979000000000000
cpu,host=b usage=50 1514979000000000000
cpu,host=a usage=12.5 1514979010000000000
cpu,host=b usage=40 1514979010000000000
cpu,host=a idle=80 1514979020000000000
cpu,host=a usage=12.5 1514979030000000000
`;

const tickscript = (name: string): string => `\
// Keeps the CPU's usage together with its change.

dbrp "telegraf"."autogen"

stream
    |from()
        .measurement('cpu')
        .groupBy('host')
    @${name}()
        .field('usage')
    |influxDBOut()
        .database('telegraf')
        .retentionPolicy('autogen')
        .measurement('cpu_change')
`;

const scriptTest = (name: string, file: string): string => `\
# kapacitor-udf test tickscripts/tests/${file}.yaml --kapacitor http://localhost:9092
tests:
  - name: the change stands beside the value
    task_name: ${file}
    data: |
      cpu,host=a usage=10 1514979000000000000
      cpu,host=a usage=12.5 1514979010000000000
    expects:
      counts: { ${name}: 2 }
      points:
        influxDBOut: |
          cpu_change,host=a usage=10 1514979000000000000
          cpu_change,host=a usage=12.5,change=2.5 1514979010000000000
`;
