import { parseLine } from '../../../src/testkit/index.js';
import { startReport } from '../../../src/telemetry/runtime-report.js';
import { silentLogger } from '../../support/silent-logger.js';

/** The measurements that the runtime's telemetry writes, each with its fields. */
export async function telemetryFields(): Promise<ReadonlyMap<string, readonly string[]>> {
  const written: string[] = [];
  const report = startReport({
    writer: {
      write(lines) {
        written.push(...lines);
        return Promise.resolve();
      },
    },
    intervalMs: 60_000,
    logger: silentLogger,
    figures: () => [
      {
        udf: 'edgeDetect',
        connections: 1,
        pointsIn: 1,
        pointsOut: 1,
        batchesIn: 1,
        batchesOut: 1,
        bytesIn: 1,
        bytesOut: 1,
        errors: 1,
        groups: 1,
        counters: {},
      },
    ],
  });
  await report.stop();
  return new Map(written.map(parseLine).map(({ name, fields }) => [name, Object.keys(fields)]));
}
