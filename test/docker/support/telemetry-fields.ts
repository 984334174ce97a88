import { noStats } from '../../../src/model/statistics.js';
import { parseLine } from '../../../src/testkit/index.js';
import { startReport } from '../../../src/telemetry/runtime-report.js';
import { silentLogger } from '../../support/silent-logger.js';

/** The measurements that the runtime's telemetry writes, each with its fields. */
export async function telemetryFields(): Promise<ReadonlyMap<string, readonly string[]>> {
  const written: string[] = [];
  const stats = { ...noStats, lastSnapshot: { time: 0, bytes: 0, seconds: 0 } };
  const report = startReport({
    writer: {
      write(lines) {
        written.push(...lines);
        return Promise.resolve();
      },
    },
    intervalMs: 60_000,
    logger: silentLogger,
    stats: () => ({
      deadLetters: { written: 1, writtenBytes: 1, lost: 0, writeErrors: 0, removedFiles: 0, bytes: 1 },
      stateSaves: { saves: 1, savedBytes: 1, errors: 0, lastSave: 0 },
      udfs: [{ udf: 'edgeDetect', connections: 1, stats }],
      uses: [{ udf: 'edgeDetect', task: 'adsl-edges', node: 'edgeDetect2', connections: 1, stats }],
    }),
  });
  await report.stop();
  return new Map(written.map(parseLine).map(({ name, fields }) => [name, Object.keys(fields)]));
}
