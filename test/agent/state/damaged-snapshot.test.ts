import { crc32 } from 'node:zlib';
import { defineUdf } from 'kapacitor-udf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kapacitorInMemory } from '../../support/connection.js';
import { after, counter, first, forged, snapshotOf, withList } from './support/snapshots.js';

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

test.each([
  [2, first],
  [4, withList],
])('a snapshot of format %i that is cut or changed anywhere starts the task afresh', async (_format, udf) => {
  const bytes = await snapshotOf(udf);
  for (let length = 0; length < bytes.length; length++) {
    expect((await after(udf, bytes.subarray(0, length))).seen).toBe(1);
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const changed = Buffer.from(bytes);
      changed[at]! ^= change;
      const { seen, errors } = await after(udf, changed);
      expect(seen).toBe(1);
      expect(errors).toHaveLength(1);
    }),
    { numRuns: 200 },
  );
});

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
