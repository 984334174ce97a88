import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../src/telemetry/logger.js';
import { noStats, type UdfStats } from '../../src/model/statistics.js';
import { startReport } from '../../src/telemetry/runtime-report.js';

const udf: UdfStats = {
  udf: 'edgeDetect',
  connections: 2,
  stats: {
    ...noStats,
    pointsIn: 10,
    pointsOut: 3,
    batchesIn: 0,
    batchesOut: 0,
    bytesIn: 1500,
    bytesOut: 450,
    errors: 1,
    groups: 4,
    counters: { late: 5 },
  },
};

/** A log that is only counted. */
function countingLogger() {
  const lines: string[] = [];
  const note = (_details: object, message: string): void => void lines.push(message);
  const logger: Logger = { debug: note, info: note, warn: note, error: note, child: () => logger };
  return { logger, lines };
}

function start(write: (lines: readonly string[]) => Promise<void>) {
  const { logger, lines } = countingLogger();
  const report = startReport({ writer: { write }, intervalMs: 1000, logger, stats: () => [udf] });
  return { report, log: lines };
}

describe('the report on the runtime', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_700_000_000_000 }));
  afterEach(() => void vi.useRealTimers());

  it('writes a point for each UDF and one for the process, at each interval', async () => {
    const write = vi.fn(() => Promise.resolve());
    const { report } = start(write);

    await vi.advanceTimersByTimeAsync(2000);

    expect(write).toHaveBeenCalledTimes(2);
    const [udf, own] = (write.mock.calls as unknown as string[][][])[0]![0]!;
    expect(udf).toMatch(
      /^kapacitor_udf,host=\S+,udf=edgeDetect .*connections=2i,.*count_late=5i,.*points_in=10i,.* 1700000001000000000$/,
    );
    expect(own).toMatch(
      /^kapacitor_udf_process,host=\S+ .*latency_p99_ms=[\d.]+,.*rss_bytes=\d+i 1700000001000000000$/,
    );
    await report.stop();
  });

  it('says once that reports do not arrive, and once that they do again', async () => {
    let away = true;
    const { report, log } = start(() => (away ? Promise.reject(new Error('refused')) : Promise.resolve()));

    await vi.advanceTimersByTimeAsync(5000);
    away = false;
    await vi.advanceTimersByTimeAsync(5000);

    expect(log).toEqual(['telemetry does not arrive: refused; trying on', 'telemetry arrives again']);
    await report.stop();
  });

  it('has one report under way at a time, and keeps none for later', async () => {
    const write = vi.fn(() => new Promise<void>(() => undefined));
    const { report } = start(write);

    await vi.advanceTimersByTimeAsync(60_000);

    expect(write).toHaveBeenCalledTimes(1);
    const stopped = report.stop();
    await vi.advanceTimersByTimeAsync(2_000);
    await stopped; // a server that hangs does not hold up the end
  });

  it('writes the last report at the end', async () => {
    const write = vi.fn(() => Promise.resolve());
    const { report } = start(write);

    await report.stop();

    expect(write).toHaveBeenCalledTimes(1);
  });
});
