import { crc32 } from 'node:zlib';
import { defineUdf, option, UdfError } from 'kapacitor-udf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packPart } from '../../../src/agent/state/parts.js';
import type { UdfDefinition } from '../../../src/udf/definition.js';
import { encodeRequest } from '../../../src/wire/messages.js';
import type { LogLine } from '../../../src/telemetry/memory-logger.js';
import { runUdf } from '../../../src/testkit/run.js';
import mirror from '../../../udfs/mirror/mirror.js';
import { kapacitorInMemory } from '../../support/connection.js';

/** Counts the points of each group; `version` 2 keeps the count under another name. */
function counter(
  name: string,
  version: 1 | 2,
  migrate?: (old: unknown, from: number) => { count: number },
): UdfDefinition {
  if (version === 1) {
    return defineUdf({
      name,
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      point(point, { state, emit }) {
        emit(point.replaceFields({ seen: ++state.seen }));
      },
    });
  }
  return defineUdf({
    name,
    wants: 'stream',
    provides: 'stream',
    version,
    state: () => ({ count: 0 }),
    migrate: migrate ?? ((old) => ({ count: (old as { seen: number }).seen * 100 })),
    point(point, { state, emit }) {
      emit(point.replaceFields({ seen: ++state.count }));
    },
  });
}

const first = counter('counter', 1);

/** A snapshot of a UDF that has had two points of one group. */
async function snapshotOf(definition: UdfDefinition): Promise<Buffer> {
  const run = await runUdf(definition);
  await run.send('cpu v=1\ncpu v=1');
  const snapshot = await run.snapshot();
  await run.stop();
  return Buffer.from(snapshot);
}

/** What a UDF counts as its next point after it was given this snapshot, and what it logged. */
async function after(
  definition: UdfDefinition,
  snapshot: Uint8Array,
): Promise<{ seen: unknown; errors: LogLine[] }> {
  const run = await runUdf(definition, { snapshot });
  const { points } = await run.send('cpu v=1');
  await run.stop();
  return { seen: points[0]?.field('seen'), errors: run.log.filter(({ level }) => level === 'error') };
}

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

  test('of another format is refused, whatever it says that it is', async () => {
    const bytes = await snapshotOf(first);
    for (let format = 0; format < 256; format++) {
      bytes[4] = format;
      const { seen, errors } = await after(first, bytes);
      expect({ format, seen, errors: errors.length }).toEqual(
        format === 2 ? { format, seen: 3, errors: 0 } : { format, seen: 1, errors: 1 },
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

/** Snapshots that cannot be restored, and what the log calls them. */
const bad: readonly { what: string; code: string; make: () => Promise<Buffer> }[] = [
  { what: 'of no bytes', code: 'snapshot_truncated', make: () => Promise.resolve(Buffer.alloc(0)) },
  {
    what: 'of somebody else',
    code: 'snapshot_foreign',
    make: () => Promise.resolve(Buffer.from('{"seen":2}')),
  },
  { what: 'of another UDF', code: 'snapshot_foreign', make: () => snapshotOf(counter('other', 1)) },
  {
    what: 'of a newer version of the UDF',
    code: 'snapshot_newer',
    make: () => snapshotOf(counter('counter', 2)),
  },
  {
    what: 'in a newer format',
    code: 'snapshot_newer',
    make: async () => {
      const bytes = await snapshotOf(first);
      bytes[4] = 200;
      return bytes;
    },
  },
  {
    what: 'that ends early',
    code: 'snapshot_truncated',
    make: async () => {
      const bytes = await snapshotOf(first);
      return bytes.subarray(0, bytes.length - 3);
    },
  },
  {
    what: 'with a bit that has flipped',
    code: 'snapshot_damaged',
    make: async () => {
      const bytes = await snapshotOf(first);
      bytes[bytes.length - 3]! ^= 1; // in a state: other state would be restored
      return bytes;
    },
  },
  {
    what: 'with more behind it',
    code: 'snapshot_damaged',
    make: async () => Buffer.concat([await snapshotOf(first), Buffer.of(0)]),
  },
  {
    what: 'of a newer Node.js',
    code: 'snapshot_newer',
    make: () => {
      const header = Buffer.of(0xff, 0x7f); // structured clone, version 127
      const prefix = Buffer.alloc(8);
      prefix.writeUInt32BE(header.length, 0);
      prefix.writeUInt32BE(crc32(header), 4);
      return Promise.resolve(Buffer.concat([Buffer.from('KUDF\x01'), prefix, header]));
    },
  },
];

describe.each(bad)('a snapshot $what', ({ code, make }) => {
  test('does not wedge the task: it starts afresh, with a loud line in the log', async () => {
    const { seen, errors } = await after(first, await make());
    expect(seen).toBe(1);
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/^counter: cannot restore: .*; starting with fresh state$/) as string,
        details: { code },
      },
    ]);
  });

  test('is refused in strict mode, and the connection closed by us', async () => {
    const { kapacitor, agent } = kapacitorInMemory(first, { strictRestore: true });
    await kapacitor.init();
    await expect(kapacitor.restore(await make())).rejects.toMatchObject({
      rule: 'restore-refused',
      detail: expect.stringMatching(/^counter: cannot restore: /) as string,
    });
    await agent.closed;
    expect(agent.failure).toMatchObject({ code });
  });
});

describe('a state that isState refuses', () => {
  const checked = (isState: (state: unknown) => boolean, version: 1 | 2 = 1) =>
    defineUdf({
      name: 'counter',
      wants: 'stream',
      provides: 'stream',
      state: () => ({ seen: 0 }),
      isState,
      version,
      migrate: () => ({ seen: -1 }),
      point(point, { state, emit }) {
        emit(point.replaceFields({ seen: ++state.seen }));
      },
    });

  test('counts as a damaged snapshot, with the name of its group', async () => {
    const { seen, errors } = await after(
      checked(() => false),
      await snapshotOf(first),
    );
    expect(seen).toBe(1);
    expect(errors).toMatchObject([
      {
        message:
          'counter: cannot restore: the snapshot is damaged: the state of group "" is impossible; starting with fresh state',
        details: { code: 'snapshot_damaged' },
      },
    ]);
  });

  test('is asked for once migrate has converted it', async () => {
    const asked: unknown[] = [];
    const isState = (state: unknown): boolean => asked.push(state) > 0;
    const { seen } = await after(checked(isState, 2), await snapshotOf(first));
    expect([seen, asked]).toEqual([0, [{ seen: 0 }]]); // by now counted one further
  });

  test('is used if it is accepted', async () => {
    const { seen, errors } = await after(
      checked(() => true),
      await snapshotOf(first),
    );
    expect([seen, errors]).toEqual([3, []]);
  });
});

test('a snapshot that is cut anywhere, or changed anywhere, starts the task afresh', async () => {
  const bytes = await snapshotOf(first);
  for (let length = 0; length < bytes.length; length++) {
    expect((await after(first, bytes.subarray(0, length))).seen).toBe(1);
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const changed = Buffer.from(bytes);
      changed[at]! ^= change;
      const { seen, errors } = await after(first, changed);
      expect(seen).toBe(1);
      expect(errors).toHaveLength(1);
    }),
    { numRuns: 200 },
  );
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

/** A snapshot with these parts, each with a valid length and checksum. */
function forged(...parts: readonly unknown[]): Buffer {
  return Buffer.concat([Buffer.from('KUDF\x01'), ...parts.flatMap(packPart)]);
}

const forgedHeader = { udf: 'counter', version: 1, codec: 'v8', groups: 1 };
const columns = { names: ['g'], times: undefined, keys: ['seen'], values: [[1]] };
const endless = new Array(4e9); // a few bytes in a snapshot

describe('a snapshot whose checksum is right and whose contents are impossible is damaged:', () => {
  test.each<[string, readonly unknown[]]>([
    ['a count of 1e15', [{ ...forgedHeader, groups: 1e15 }, columns]],
    ['a negative count', [{ ...forgedHeader, groups: -1 }, columns]],
    ['a count that is no whole number', [{ ...forgedHeader, groups: 0.5 }, columns]],
    ['a count that is text', [{ ...forgedHeader, groups: '1' }, columns]],
    ['a version that is text', [{ ...forgedHeader, version: '1' }, columns]],
    ['a version of NaN', [{ ...forgedHeader, version: NaN }, columns]],
    ['a name that is a number', [{ ...forgedHeader, udf: 5 }, columns]],
    ['options that are text', [{ ...forgedHeader, options: 'size' }, columns]],
    [
      'more groups than the header counts',
      [
        forgedHeader,
        [
          ['g', { seen: 1 }, undefined],
          ['h', { seen: 1 }, undefined],
        ],
      ],
    ],
    ['a group without a name', [forgedHeader, [[undefined, { seen: 1 }, undefined]]]],
    ['a group whose name claims a length', [forgedHeader, [[{ length: 1e15 }, { seen: 1 }, undefined]]]],
    ['a time that is a number', [forgedHeader, [['g', { seen: 1 }, 5]]]],
    ['a time beyond 64 bits', [forgedHeader, [['g', { seen: 1 }, 1n << 64n]]]],
    ['groups that claim a length', [forgedHeader, endless]],
    ['columns that claim a length', [forgedHeader, { ...columns, names: endless, values: [endless] }]],
    ['keys that claim a length', [forgedHeader, { ...columns, keys: endless, values: endless }]],
    ['a part that is a number', [forgedHeader, 5]],
    [
      'bytes where a point should be',
      [forgedHeader, { withPoints: [['g', { 'kapacitor-udf point': 5 }, undefined]] }],
    ],
  ])('%s', async (_what, parts) => {
    const { seen, errors } = await after(first, forged(...parts));
    expect(seen).toBe(1);
    expect(errors).toMatchObject([{ details: { code: 'snapshot_damaged' } }]);
  });

  test('bytes that are no structured clone', async () => {
    const bytes = Buffer.of(0xff, 0x0f, 0x01, 0x02);
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32BE(bytes.length, 0);
    prefix.writeUInt32BE(crc32(bytes), 4);
    const { errors } = await after(first, Buffer.concat([Buffer.from('KUDF\x01'), prefix, bytes]));
    expect(errors).toMatchObject([{ details: { code: 'snapshot_damaged' } }]);
  });

  test('but a good one can be forged, so it is the contents that are refused', async () => {
    expect(await after(first, forged(forgedHeader, columns))).toMatchObject({ errors: [] });
  });

  test('a state that is no object, as an older definition may have had, starts afresh', async () => {
    const { seen, errors } = await after(first, forged(forgedHeader, [['', 5, undefined]]));
    expect(seen).toBe(1);
    expect(errors).toMatchObject([
      {
        message: expect.stringContaining('the state cannot be used for group "", version 1') as string,
        details: { code: 'snapshot_migration' },
      },
    ]);
  });
});

describe('the options that a state depends on', () => {
  const doc = '';
  const options = {
    field: option.field({ repeatable: true, doc }),
    size: option.int({ default: 3, doc }),
    as: option.field({ default: 'seen', doc }),
  };
  const configured = defineUdf({
    name: 'configured',
    wants: 'stream',
    provides: 'stream',
    options,
    stateIndependentOf: ['as'],
    state: () => ({ seen: 0 }),
    point: (point, { state, options: { as } }) => point.replaceFields({ [as]: ++state.seen }),
  });

  async function restarted(before: string, now: string, snapshot?: Uint8Array) {
    const run = await runUdf(configured, { options: before });
    await run.send('cpu v=1');
    const taken = snapshot ?? (await run.snapshot());
    await run.stop();
    const again = await runUdf(configured, { options: now, snapshot: taken });
    const { points } = await again.send('cpu v=1');
    await again.stop();
    const warnings = again.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
    return { seen: Object.values(points[0]!.fields)[0], warnings };
  }

  test('keep it when they are the same', async () => {
    expect(await restarted(".field('a').size(2)", ".field('a').size(2)")).toEqual({ seen: 2, warnings: [] });
  });

  test('keep it when one is given that was the default', async () => {
    expect(await restarted(".field('a')", ".field('a').size(3)")).toEqual({ seen: 2, warnings: [] });
  });

  test('start it afresh when one has changed, and the log says which, once', async () => {
    expect(await restarted(".field('a').size(2)", ".field('b').size(4)")).toEqual({
      seen: 1,
      warnings: [
        "configured: the state depends on options that have changed since the snapshot: .field() was [ 'a' ], is [ 'b' ], .size() was 2, is 4; starting with fresh state",
      ],
    });
  });

  test('are not those that the definition names, nor those of the runtime', async () => {
    const { seen, warnings } = await restarted('', ".as('other').onError('drop').maxGroups(5)");
    expect({ seen, warnings }).toEqual({ seen: 2, warnings: [] });
  });

  test('are not known of an older snapshot, which restores as before', async () => {
    const header = { udf: 'configured', version: 1, codec: 'v8', groups: 1 };
    const old = forged(header, [['', { seen: 8 }, undefined]]);
    expect(await restarted('', '.size(9)', old)).toEqual({ seen: 9, warnings: [] });
  });

  test('have their defaults where the UDF did not have them yet', async () => {
    const header = { udf: 'configured', version: 1, codec: 'v8', groups: 1, options: { field: [] } };
    const old = forged(header, [['', { seen: 8 }, undefined]]);
    expect((await restarted('', '', old)).seen).toBe(9);
    expect((await restarted('', '.size(9)', old)).seen).toBe(1);
  });
});
