import { fileURLToPath } from 'node:url';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import edgeDetect from '../../udfs/edge-detect/edge-detect.js';
import mirror from '../../udfs/mirror/mirror.js';
import outliers from '../../udfs/outliers/outliers.js';
import { defineUdf } from '../../src/udf/definition.js';
import { openRecording, replay } from '../../src/testkit/index.js';
import { type LogLine, memoryLogger } from '../../src/telemetry/memory-logger.js';
import { adslChanges } from '../support/adsl.js';

const recorded = (path: string): string => fileURLToPath(new URL(`../../udfs/${path}`, import.meta.url));
const adsl = recorded('edge-detect/recordings/kapacitor-1.5.7-adsl.srpl');
const lines = (...texts: string[]) =>
  openRecording(Readable.from([Buffer.from(texts.join('\n'))]), { format: 'lp' });

describe('a replay', () => {
  it("of Kapacitor's own recording through edgeDetect gives exactly the six changes", async () => {
    const { points, pointsIn, pointsOut, errors } = await replay(await openRecording(adsl), edgeDetect, {
      options: { field: 'value' },
    });
    expect(points.map(({ time, fields }) => [time, fields.value])).toEqual(adslChanges);
    expect({ pointsIn, pointsOut, errors }).toEqual({ pointsIn: 17, pointsOut: 6, errors: 0 });
    expect(points[0]).toMatchObject({
      database: 'telegraf',
      retentionPolicy: 'autogen',
      group: 'host=router1',
    });
  });

  it('logs once that the state could not be saved, with the group and the place in it', async () => {
    const log: LogLine[] = [];
    const forgetful = defineUdf({
      name: 'forgetful',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: [{ callback: () => 1 }] }),
      point: (point) => point,
    });
    const { pointsOut } = await replay(await lines('m v=1 1'), forgetful, { logger: memoryLogger(log) });
    expect(pointsOut).toBe(1);
    expect(log.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      expect.stringContaining('in group "", state.seen[0].callback is no data, but a function'),
    ]);
  });

  it('of a batch recording hands in the batches', async () => {
    const file = recorded('outliers/recordings/kapacitor-1.5.7-cpu.brpl');
    const { batches, batchesIn, batchesOut } = await replay(await openRecording(file), outliers, {
      options: ".field('value').scale(1.5)",
    });
    expect(batchesOut).toBe(batchesIn);
    expect(batches.length).toBe(batchesOut);
  });

  it('makes a batch of each group of points for a UDF that wants batches', async () => {
    const { batches } = await replay(await lines('m,h=a v=1 1', 'm,h=b v=2 2', 'm,h=a v=3 3'), outliers, {
      options: { field: 'v' },
    });
    expect(batches.map(({ group }) => group)).toEqual(['h=a', 'h=b']);
  });

  it('refuses batches for a UDF that wants points', async () => {
    const file = recorded('outliers/recordings/kapacitor-1.5.7-cpu.brpl');
    await expect(replay(await openRecording(file), mirror)).rejects.toThrow(
      'the UDF wants points, and the recording holds batches',
    );
  });

  it('holds nothing of what is taken, and reads no more while it is being taken', async () => {
    const text = Array.from({ length: 20_000 }, (_, index) => `m v=${index} ${index}`);
    let [pending, most, taken] = [0, 0, 0];
    const { points, pointsOut } = await replay(await lines(...text), mirror, {
      onPoint: () => {
        if (++taken % 1_000 !== 0) return undefined;
        most = Math.max(most, ++pending);
        return new Promise((resolve) =>
          setImmediate(() => {
            pending--;
            resolve();
          }),
        );
      },
    });
    expect([points.length, pointsOut, taken]).toEqual([0, 20_000, 20_000]);
    expect(most).toBeLessThan(5);
  });

  it('says at which point the UDF failed', async () => {
    const failing = defineUdf({
      name: 'failing',
      wants: 'stream',
      provides: 'stream',
      point(point) {
        if (point.field('v') === 2) throw new Error('no twos');
      },
    });
    await expect(replay(await lines('m v=1 1', 'm v=2 2', 'm v=3 3'), failing)).rejects.toThrow(
      /no twos.*at point 2 of the recording/,
    );
  });

  it('counts what failed if the UDF goes on', async () => {
    const { errors, pointsOut } = await replay(await lines('m v=1 1', 'm w=2 2'), edgeDetect, {
      options: { field: 'v', onMissing: 'error' },
      onError: 'drop',
    });
    expect([errors, pointsOut]).toEqual([1, 1]);
  });

  it('ends with what is malformed, and with what the taker throws', async () => {
    await expect(replay(await lines('m v=1 1', 'm v=x 1'), mirror)).rejects.toThrow(
      'stream, line 2: field "v" is no',
    );
    const full = replay(await lines('m v=1 1'), mirror, {
      onPoint: () => Promise.reject(new Error('disk is full')),
    });
    await expect(full).rejects.toThrow('disk is full');
    const unable = replay(await lines('m v=1 1'), mirror, {
      onPoint: () => {
        throw new Error('no way to write it');
      },
    });
    await expect(unable).rejects.toThrow('no way to write it');
  });

  it('ends with the reason of its signal', async () => {
    const abort = new AbortController();
    const silent = defineUdf({
      name: 'silent',
      wants: 'stream',
      provides: 'stream',
      point: () => {
        abort.abort(new Error('enough'));
        return new Promise<void>(() => undefined);
      },
    });
    const { signal } = abort;
    await expect(replay(await lines('m v=1 1'), silent, { signal })).rejects.toThrow('enough');
    await expect(replay(await lines('m v=1 1'), mirror, { signal })).rejects.toThrow('enough');
  });

  it("keeps the points' own times if it is asked to, or goes so many times faster", async () => {
    const text = ['m v=1 0', 'm v=2 2000000000', 'm v=3 4000000000'];
    const start = performance.now();
    await replay(await lines(...text), mirror, { speed: 100 });
    const took = performance.now() - start;
    expect(took).toBeGreaterThanOrEqual(38);
  });
});
