import { defineUdf, UdfError } from 'kapacitor-udf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeRequest } from '../../../src/wire/messages.js';
import { runUdf } from '../../../src/testkit/run.js';
import mirror from '../../../udfs/mirror/mirror.js';
import { kapacitorInMemory } from '../../support/connection.js';
import { after, counter, first, snapshotOf, withList } from './support/snapshots.js';

describe('a snapshot', () => {
  test('is never empty, not even without state: Kapacitor would not save it, nor that of the nodes beside it', async () => {
    for (const definition of [mirror, first]) {
      const { kapacitor } = kapacitorInMemory(definition);
      await kapacitor.init();
      expect((await kapacitor.snapshot()).length).toBeGreaterThan(0);
      await kapacitor.stop();
    }
  });

  test('gives a new instance the state of the old one', async () => {
    expect(await after(first, await snapshotOf(first))).toEqual({ seen: 3, errors: [] });
  });

  test('keeps everything that plain data may be, in every group', async () => {
    const value = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      maxDepth: 3,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 5 }), async (values) => {
        const restored: unknown[] = [];
        let next = 0;
        const keeper = defineUdf({
          name: 'keeper',
          wants: 'stream',
          provides: 'stream',
          state: (): { kept: unknown } => ({ kept: values[next++] }),
          point(_point, { state }) {
            restored.push(state.kept);
          },
        });
        const points = values.map((_value, group) => ({
          name: 'cpu',
          tags: { group: `${group}` },
          fields: { v: 1 },
        }));
        const run = await runUdf(keeper, { groupBy: ['group'] });
        await run.send(points);
        const again = await run.restart();
        restored.length = 0;
        await again.send(points);
        await again.stop();
        expect(restored).toEqual(structuredClone(values));
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    [2, first],
    [4, withList],
  ])('of format %i that says it is of another one is refused', async (own, definition) => {
    const bytes = await snapshotOf(definition);
    for (let format = 0; format < 256; format++) {
      bytes[4] = format;
      const { seen, errors } = await after(definition, bytes);
      expect({ format, seen, errors: errors.length }).toEqual(
        format === own ? { format, seen: 3, errors: 0 } : { format, seen: 1, errors: 1 },
      );
    }
  });

  test('can be taken at any time: before the first point, inside a batch, many times', async () => {
    const batches = defineUdf({
      name: 'batches',
      wants: 'batch',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      point(point, { state, emit }) {
        emit(point.replaceFields({ seen: ++state.seen }));
      },
    });
    const { kapacitor } = kapacitorInMemory(batches, { maxGroups: 5, groupTtl: 1000n });
    await kapacitor.init();
    await kapacitor.snapshot();
    const group = { name: 'cpu', group: '', tags: {} };
    kapacitor.write(encodeRequest({ kind: 'begin', ...group, size: 1n, byName: false }));
    kapacitor.point({ time: 1n, name: '', fields: { v: 1 } });
    const snapshot = await kapacitor.snapshot();
    kapacitor.write(encodeRequest({ kind: 'end', ...group, tmax: 1n, byName: false }));
    await kapacitor.stop();
    const again = kapacitorInMemory(batches, { maxGroups: 5, groupTtl: 1000n });
    await again.kapacitor.init();
    await again.kapacitor.restore(snapshot);
    again.kapacitor.batch({ name: 'cpu', time: 2n, points: [{ time: 2n, fields: { v: 1 } }] });
    const { points } = await again.kapacitor.stop();
    expect(points.map((point) => point.field('seen'))).toEqual([2]);
  });

  test('of a state that cannot be stored ends the task, and says what to do', async () => {
    const wrong = defineUdf({
      name: 'wrong',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ callback: () => 1 }),
      point: () => undefined,
    });
    const run = await runUdf(wrong);
    await run.send('cpu v=1');
    await expect(run.snapshot()).rejects.toMatchObject({
      rule: 'error-response',
      message: expect.stringMatching(
        /wrong: .*the state cannot be stored: .*; keep plain data in it/,
      ) as string,
    });
  });
});

describe('an older snapshot', () => {
  test('is brought up to date by the UDF', async () => {
    expect(await after(counter('counter', 2), await snapshotOf(first))).toEqual({ seen: 201, errors: [] });
  });

  test('that the UDF cannot bring up to date is reported, and the state starts afresh', async () => {
    const failing = counter('counter', 2, () => {
      throw new Error('too old');
    });
    const { seen, errors } = await after(failing, await snapshotOf(first));
    expect(seen).toBe(1);
    expect(errors).toMatchObject([{ details: { code: 'snapshot_migration' } }]);
  });

  describe('that migrate refuses on purpose, with a UdfError of snapshot_migration,', () => {
    const refusing = counter('counter', 2, () => {
      throw new UdfError('snapshot_migration', 'version 1 counted otherwise');
    });

    test('is a fresh start, of which the log warns with the reason', async () => {
      const run = await runUdf(refusing, { snapshot: await snapshotOf(first) });
      const { points } = await run.send('cpu v=1');
      await run.stop();
      expect(points[0]?.field('seen')).toBe(1);
      expect(run.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([
        {
          level: 'warn',
          message: 'counter: cannot restore: version 1 counted otherwise; starting with fresh state',
          details: expect.objectContaining({ code: 'snapshot_migration' }) as unknown,
        },
      ]);
    });

    test('fails the restore where the host is strict', async () => {
      const { kapacitor } = kapacitorInMemory(refusing, { strictRestore: true });
      await kapacitor.init();
      await expect(kapacitor.restore(await snapshotOf(first))).rejects.toThrow('version 1 counted otherwise');
    });
  });
});

test(
  'keepalives are answered while the state of very many groups is stored',
  { timeout: 60_000 },
  async () => {
    const groups = 300_000;
    // Without its own keepalives, which would be counted when a slow machine takes longer than their interval.
    const peer = { writes: 'coalesced', onPoint: () => undefined, keepaliveTimeoutMs: 0 } as const;
    const { kapacitor } = kapacitorInMemory(first, {}, peer);
    await kapacitor.init();
    for (let group = 0; group < groups; group++) {
      const roomy = kapacitor.point({
        time: 1n,
        name: 'cpu',
        group: `host=server${group}`,
        fields: { v: 1 },
      });
      if (!roomy) await kapacitor.drained();
    }
    await kapacitor.received({ points: groups });
    const before = kapacitor.keepalives;
    let answeredBy = 0;
    const snapshot = kapacitor.snapshot().finally(() => {
      answeredBy = kapacitor.keepalives;
    });
    for (let asked = 0; asked < 5; asked++) await kapacitor.keepalive();
    expect((await snapshot).length).toBeGreaterThan(groups);
    expect(answeredBy - before).toBe(5);
    kapacitor.abort();
  },
);
