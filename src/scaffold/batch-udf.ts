import type { UdfFiles } from './project-files.js';

/** A UDF that keeps the highest points of each batch. */
export function batchUdf(name: string, file: string): UdfFiles {
  return {
    summary: 'Keeps the points of each batch with the highest values of a field.',
    scriptTestArguments: ' --influx http://localhost:8086',
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
  doc: 'Keeps the points of each batch with the highest values of a field.',
  wants: 'batch',
  provides: 'batch',
  options: {
    field: option.field({ required: true, doc: 'Numeric field to compare.' }),
    count: option.int({ default: 3, min: 1, doc: 'Max number of points to keep.' }),
  },
  batch(batch, { options }) {
    const ranked = batch.points
      .map((point) => ({ point, value: point.number(options.field) ?? -Infinity }))
      .filter(({ value }) => value > -Infinity)
      .sort((a, b) => b.value - a.value);
    const kept = new Set(ranked.slice(0, options.count).map(({ point }) => point));
    return batch.withPoints(batch.points.filter((point) => kept.has(point))); // in the order of time
  },
});
`;

const test = (name: string, file: string): string => `\
import { expectBatches, openRecording, replay } from 'kapacitor-udf/testkit';
import { test } from 'vitest';
import ${name}Udf from '../src/${file}.ts';

test('keeps the highest points of each batch, in the order of time', async () => {
  const recording = await openRecording('recordings/cpu.lp', { groupBy: ['host'] });
  const { batches } = await replay(recording, ${name}Udf, { options: { field: 'usage', count: 2 } });
  expectBatches(batches, [
    {
      tags: { host: 'a' },
      points: \`
        cpu,host=a usage=30 1514979000000000000
        cpu,host=a usage=20 1514979020000000000
      \`,
    },
    { tags: { host: 'b' }, points: 'cpu,host=b usage=50 1514979000000000000' },
  ]);
});
`;

const recording = `\
cpu,host=a usage=30 1514979000000000000
cpu,host=a usage=10 1514979010000000000
cpu,host=a usage=20 1514979020000000000
cpu,host=a idle=99 1514979030000000000
cpu,host=b usage=50 1514979000000000000
`;

const tickscript = (name: string): string => `\
// Looks back over the last hour from time to time and keeps the moments of the highest usage.

dbrp "telegraf"."autogen"

batch
    |query('SELECT usage FROM "telegraf"."autogen"."cpu"')
        .period(1h)
        .every(10m)
        .groupBy('host')
    @${name}()
        .field('usage')
        .count(1)
    |influxDBOut()
        .database('telegraf')
        .retentionPolicy('autogen')
        .measurement('cpu_highest')
`;

const scriptTest = (name: string, file: string): string => `\
# kapacitor-udf test tickscripts/tests/${file}.yaml --kapacitor http://localhost:9092 --influx http://localhost:8086
tests:
  - name: the moment of the highest usage is kept
    task_name: ${file}
    data: |
      cpu,host=a usage=10 1514979000000000000
      cpu,host=a usage=30 1514979010000000000
      cpu,host=a usage=20 1514979020000000000
    expects:
      counts: { ${name}: 1 }
      points:
        influxDBOut: cpu_highest,host=a usage=30 1514979010000000000
`;
