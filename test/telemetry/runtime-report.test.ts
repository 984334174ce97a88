import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../src/telemetry/logger.js';
import { noStats, type UdfStats, type UseStats } from '../../src/model/statistics.js';
import { parseLine } from '../../src/testkit/index.js';
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

function start(write: (lines: readonly string[]) => Promise<void>, uses: readonly UseStats[] = []) {
  const { logger, lines } = countingLogger();
  const report = startReport({
    writer: { write },
    intervalMs: 1000,
    logger,
    stats: () => ({ udfs: [udf], uses }),
  });
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

  it('adds dead letters and saved states of a host that keeps them to the point of the process', async () => {
    const write = vi.fn<(lines: readonly string[]) => Promise<void>>(() => Promise.resolve());
    const kept = {
      deadLetters: { written: 7, writtenBytes: 700, lost: 2, writeErrors: 3, removedFiles: 1, bytes: 600 },
      stateSaves: { saves: 4, savedBytes: 400, errors: 1, lastSave: 1_700_000_000_000 },
    };
    const { logger } = countingLogger();
    const stats = () => ({ udfs: [], uses: [], ...kept });
    const report = startReport({ writer: { write }, intervalMs: 1000, logger, stats });
    await vi.advanceTimersByTimeAsync(1000);
    const line = write.mock.calls[0]![0].find((text) => text.startsWith('kapacitor_udf_process'))!;
    for (const field of [
      ...['dead_letter_points=7i', 'dead_letter_points_lost=2i', 'dead_letter_written_bytes=700i'],
      ...['dead_letter_write_errors=3i', 'dead_letter_files_removed=1i', 'dead_letter_size_bytes=600i'],
      ...['state_saves=4i', 'state_saved_bytes=400i', 'state_save_errors=1i', 'state_save_age_seconds=1,'],
    ]) {
      expect(line).toContain(field);
    }
    await report.stop();
  });

  it('writes a point for each use, by task and node, and a last one when it has ended', async () => {
    const write = vi.fn<(lines: readonly string[]) => Promise<void>>(() => Promise.resolve());
    const stats = {
      ...noStats,
      pointsIn: 7,
      pointsDropped: 2,
      failures: { handler: 1, limit: 2 },
      handlerTime: { ...noStats.handlerTime, seconds: 1.5 },
      lastSnapshot: { time: 1_700_000_000_500, bytes: 99, seconds: 0.25 },
      restarts: { exit: 1 },
    };
    const use = { udf: 'edgeDetect', task: 'cpu load', node: 'edgeDetect2', connections: 1, stats };
    const uses: UseStats[] = [use, { ...use, task: '', node: '' }, { ...use, task: 'ended', connections: 0 }];
    const { report } = start(write, uses);
    const written = (): readonly string[] =>
      write.mock.lastCall![0].filter((line) => line.startsWith('kapacitor_udf_use,'));

    await vi.advanceTimersByTimeAsync(1000);
    expect(written()).toHaveLength(1);
    const fields = parseLine(written()[0]!);
    expect(fields.tags).toMatchObject({ udf: 'edgeDetect', task: 'cpu load', node: 'edgeDetect2' });
    expect(fields.fields).toMatchObject({
      connections: 1n,
      points_in: 7n,
      points_dropped: 2n,
      failures: 3n,
      handler_seconds: 1.5,
      snapshot_bytes: 99n,
      snapshot_seconds: 0.25,
      snapshot_age_seconds: 0.5,
      restarts: 1n,
    });

    uses[0] = { ...use, connections: 0 };
    await vi.advanceTimersByTimeAsync(1000);
    expect(written()).toEqual([expect.stringContaining('connections=0i')]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(written()).toEqual([]);
    await report.stop();
  });

  it('writes many uses in several requests of bounded size', async () => {
    const write = vi.fn<(lines: readonly string[]) => Promise<void>>(() => Promise.resolve());
    const uses = Array.from({ length: 1_200 }, (_, index) => ({ ...udf, task: `task${index}`, node: 'n' }));
    const { report } = start(write, uses);
    await vi.advanceTimersByTimeAsync(1000);
    const sizes = write.mock.calls.map(([lines]) => lines.length);
    expect(sizes).toEqual([500, 500, 202]);
    await report.stop();
  });

  it('says once that reports do not arrive, and once that they do again', async () => {
    let away = true;
    const { report, log } = start(() => (away ? Promise.reject(new Error('refused')) : Promise.resolve()));

    await vi.advanceTimersByTimeAsync(5000);
    away = false;
    await vi.advanceTimersByTimeAsync(5000);

    expect(log).toEqual(['telemetry cannot be written: refused; trying again', 'telemetry is written again']);
    await report.stop();
  });

  it('says again at growing intervals that reports still do not arrive', async () => {
    const { report, log } = start(() => Promise.reject(new Error('refused')));
    await vi.advanceTimersByTimeAsync(200_000); // reported after 1, 61 and 181 s
    expect(log).toEqual(Array(3).fill('telemetry cannot be written: refused; trying again'));
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
