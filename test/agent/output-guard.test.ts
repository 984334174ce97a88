import { type BatchPoint, type Batch, createBatch, createPoint, defineUdf, type Point } from 'kapacitor-udf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectBatches, expectPoints } from '../../src/expect/expect.js';
import { runUdf } from '../../src/testkit/run.js';
import { encodeRequest, encodeResponse } from '../../src/wire/messages.js';
import mirrorBatch from '../../udfs/mirror-batch/mirror-batch.js';
import { kapacitorInMemory } from '../support/connection.js';

// Whatever a UDF does, the Kapacitor peer has nothing to object: no End without a Begin, no wrong or huge size, no batch
// inside another, no message that it does not know.

/** Emits what a test says, as if it had no types. */
function emitting(wants: 'stream' | 'batch', provides: 'stream' | 'batch', what: (input: never) => unknown) {
  const emit = (input: unknown, context: { emit(output: never): void }): void => {
    context.emit(what(input as never) as never);
  };
  return wants === 'stream'
    ? defineUdf({ name: 'emitting', wants, provides, point: emit })
    : defineUdf({ name: 'emitting', wants, provides, batch: emit });
}

const aPoint = createPoint({ name: 'cpu', time: 1n, fields: { v: 1 } });
const aBatch = createBatch({ name: 'cpu', time: 1n, points: [{ time: 1n, fields: { v: 1 } }] });

/** It even writes itself as a batch would: an end without a begin. */
const imposter = {
  points: [],
  writeTo: (output: { add(buf: Buffer, start: number, end: number): void }) => {
    const frame = encodeResponse({ kind: 'end', name: 'cpu', group: '', tags: {}, tmax: 0n, byName: false });
    output.add(frame, 0, frame.length);
  },
};

const wrong: readonly [string, unknown][] = [
  ['an object that looks like a batch', imposter],
  ['undefined', undefined],
  ['null', null],
  ['a number', 1],
  ['a plain object', { time: 1n, name: 'cpu', fields: { v: 1 } }],
  ['an array of points', [aPoint]],
  ['a Proxy of a point', new Proxy(aPoint, {})],
  ['a Proxy of a batch', new Proxy(aBatch, {})],
  ['Object.create() of a point', Object.create(aPoint)],
  [
    'Object.create() of a point that writes itself',
    Object.create(aPoint, { writeTo: { value: imposter.writeTo } }),
  ],
  ['Object.create() of a batch', Object.create(aBatch)],
  [
    'Object.create() of a batch that writes itself',
    Object.create(aBatch, { writeTo: { value: imposter.writeTo } }),
  ],
];

describe('emitting what the UDF does not provide is an error of the handler, and nothing is sent:', () => {
  test.each([...wrong, ['a batch', aBatch] as const])(
    '%s from a UDF that provides a stream',
    async (_what, output) => {
      const run = await runUdf(
        emitting('stream', 'stream', () => output),
        { onError: 'drop' },
      );
      expect(await run.send('cpu v=1')).toEqual({ points: [], batches: [] });
      await run.stop();
      expect(run.stats).toMatchObject({ errors: 1, pointsOut: 0, batchesOut: 0 });
      expect(run.log.find(({ level }) => level === 'error')?.message).toMatch(
        /: emit takes a point here, got /,
      );
    },
  );

  test.each([...wrong, ['a point', aPoint] as const])(
    '%s from a UDF that provides batches',
    async (_what, output) => {
      for (const wants of ['stream', 'batch'] as const) {
        const run = await runUdf(
          emitting(wants, 'batch', () => output),
          { onError: 'drop' },
        );
        expect(await run.send('cpu v=1')).toEqual({ points: [], batches: [] });
        await run.stop();
        expect(run.stats).toMatchObject({ errors: 1, pointsOut: 0, batchesOut: 0 });
        expect(run.log.find(({ level }) => level === 'error')?.message).toMatch(
          /: emit takes a batch here, got /,
        );
      }
    },
  );
});

describe('batches that a UDF makes', () => {
  test('go out whole, with their true size, from a stream', async () => {
    const run = await runUdf(
      emitting('stream', 'batch', (point: Point) => aBatch.withPoints([point as never, point as never])),
    );
    const { batches } = await run.send('cpu v=1 5');
    expectBatches(batches, [{ name: 'cpu', points: '_ v=1 5\n_ v=1 5' }]);
    await run.stop();
  });

  test('have the size that they have after a change', async () => {
    const { kapacitor } = kapacitorInMemory(
      emitting('batch', 'batch', (batch: Batch) =>
        batch.withPoints(batch.points.filter((point) => point.time % 2n === 0n)),
      ),
    );
    await kapacitor.init();
    for (let size = 0; size < 6; size++) {
      const points = Array.from({ length: size }, (_, index) => ({ time: BigInt(index), fields: { v: 1 } }));
      kapacitor.batch({ name: 'cpu', time: 9n, points });
    }
    const { batches } = await kapacitor.stop();
    expect(kapacitor.batchSizes).toEqual([0n, 1n, 1n, 2n, 2n, 3n]);
    expect(batches.map(({ points }) => BigInt(points.length))).toEqual(kapacitor.batchSizes);
  });

  test('may be empty', async () => {
    const run = await runUdf(emitting('stream', 'batch', () => aBatch.withPoints([])));
    expectBatches((await run.send('cpu v=1')).batches, [{ name: 'cpu', points: [] }]);
    await run.stop();
  });

  test('take name, tags and time from what ended them, and byName from what began them, as Kapacitor does', async () => {
    const { kapacitor } = kapacitorInMemory(
      emitting('batch', 'batch', (batch: Batch) => batch.withPoints(batch.points)),
    );
    await kapacitor.init();
    const begin = { name: 'begun', group: 'g', tags: { a: '1' }, size: 0n, byName: true };
    kapacitor.write(encodeRequest({ kind: 'begin', ...begin }));
    kapacitor.write(
      encodeRequest({ kind: 'end', name: 'ended', group: 'g', tags: { a: '2' }, tmax: 7n, byName: false }),
    );
    const { batches } = await kapacitor.stop();
    expect(batches[0]).toMatchObject({ name: 'ended', tags: { a: '2' }, time: 7n, byName: true });
  });

  test('are never mixed, though handlers are async and points come late', async () => {
    const collecting = defineUdf({
      name: 'collecting',
      wants: 'batch',
      provides: 'batch',
      async point(point, { emit }) {
        await Promise.resolve();
        emit(point);
      },
      async endBatch(batch, { emit }) {
        await Promise.resolve();
        emit(createPoint({ name: 'last', time: batch.time, fields: { last: true } }));
      },
    });
    const run = await runUdf(collecting, { groupBy: ['host'] });
    const { batches } = await run.send('cpu,host=a v=1 1\ncpu,host=b v=2 2\ncpu,host=a v=3 3');
    expectBatches(batches, [
      { tags: { host: 'a' }, points: '_,host=a v=1 1\n_,host=a v=3 3\n_ last=true 3' },
      { tags: { host: 'b' }, points: '_,host=b v=2 2\n_ last=true 2' },
    ]);
    await run.stop();
  });

  test('go out as they are when a point of them fails: never half of one', async () => {
    const failing = defineUdf({
      name: 'failing',
      wants: 'batch',
      provides: 'batch',
      onError: 'drop',
      point(point, { emit }) {
        if (point.field('v') === 2) throw new Error('two');
        emit(point);
      },
      endBatch: () => {
        throw new Error('at the end too');
      },
    });
    const run = await runUdf(failing);
    expectBatches((await run.send('cpu v=1 1\ncpu v=2 2\ncpu v=3 3')).batches, [
      { points: '_ v=1 1\n_ v=3 3' },
    ]);
    await run.stop();
    expect(run.stats.errors).toBe(2);
  });

  test.each(['beginBatch', 'endBatch', 'batch'])(
    'are what came in, whatever %s writes to its argument',
    async (handler) => {
      interface Writable {
        name: unknown;
        tags: Record<string, unknown>;
      }
      const writing = defineUdf({
        name: 'writing',
        wants: 'batch',
        provides: 'batch',
        onError: 'drop',
        ...(handler !== 'batch' && { point: (point: never) => point }),
        [handler]: (batch: Writable & { withTime(time: bigint): never }) => {
          for (const write of [
            () => (batch.name = 5),
            () => (batch.tags.host = 7),
            () => (batch.tags.x = null),
          ]) {
            expect(write).toThrow(TypeError);
          }
          return handler === 'batch' ? batch.withTime(3n) : undefined;
        },
      } as never);
      const run = await runUdf(writing, { groupBy: ['host'] });
      const { batches } = await run.send('cpu,host=a v=1 3');
      expectBatches(batches, [{ name: 'cpu', tags: { host: 'a' }, points: '_,host=a v=1 3' }]);
      expect(run.stats.errors).toBe(0);
      await run.stop();
    },
  );

  test.each<[string, (points: readonly BatchPoint[]) => unknown]>([
    ['Proxies', (points) => [points[0], new Proxy(points[1]!, {})]],
    ['Object.create() of points', (points) => points.map((point): unknown => Object.create(point))],
    ['a Set', (points) => new Set(points)],
    ['a sparse array', (points) => [points[0], , points[1]]],
    [
      'an array with its own map',
      (points) => Object.assign([...points], { map: () => [Object.create(points[0]!) as unknown] }),
    ],
  ])('are not begun with what are no points: %s', async (_, replace) => {
    const forging = defineUdf({
      name: 'forging',
      wants: 'batch',
      provides: 'batch',
      onError: 'pass',
      batch: (batch) => batch.withPoints(replace(batch.points) as never),
    });
    const run = await runUdf(forging);
    // The peer fails at a batch that begins inside another.
    expectBatches((await run.send('cpu v=1 1\ncpu v=2 2')).batches, [{ points: '_ v=1 1\n_ v=2 2' }]);
    await run.stop();
  });

  test('are not begun outside one: a point that a timer emits when no batch is open ends the connection', async () => {
    let late: (() => void) | undefined;
    const tardy = defineUdf({
      name: 'tardy',
      wants: 'batch',
      provides: 'batch',
      point(point, { emit }) {
        late = () => {
          emit(point);
        };
      },
    });
    const run = await runUdf(tardy);
    await run.send('cpu v=1 1');
    expect(late).not.toThrow(); // nobody is there to catch it: it would end the process
    await expect(run.stop()).rejects.toThrow(/tardy: task test: emit was called when no batch was open/);
  });
});

describe('what Kapacitor itself sends', () => {
  test('goes out with the size that it announced, unless that would harm it', async () => {
    const { kapacitor } = kapacitorInMemory(mirrorBatch);
    await kapacitor.init();
    const tags = {};
    for (const size of [0n, 5n, -1n, 2n ** 62n, 10n ** 12n]) {
      kapacitor.write(encodeRequest({ kind: 'begin', name: 'cpu', group: '', tags, size, byName: false }));
      kapacitor.point({ time: 1n, name: '', fields: { v: 1 } });
      kapacitor.write(encodeRequest({ kind: 'end', name: 'cpu', group: '', tags, tmax: 1n, byName: false }));
    }
    await kapacitor.stop();
    // The first two are Kapacitor's own hints, and come back byte for byte.
    expect(kapacitor.batchSizes).toEqual([0n, 5n, 1n, 1n, 1n]);
  });

  test.each([
    ['an end without a begin', ['end'], /a batch ended that had not begun/],
    ['a point outside a batch', ['point'], /a point came outside a batch/],
    ['a batch inside another', ['begin', 'begin'], /a batch began inside another/],
  ] as const)('is refused if it is %s', async (_what, kinds, message) => {
    for (const streamed of [true, false]) {
      const definition = streamed
        ? defineUdf({ name: 'guarded', wants: 'batch', provides: 'batch', point: () => undefined })
        : defineUdf({ name: 'guarded', wants: 'batch', provides: 'batch', batch: () => undefined });
      const { kapacitor, agent } = kapacitorInMemory(definition);
      await kapacitor.init();
      for (const kind of kinds) {
        if (kind === 'begin') {
          kapacitor.write(encodeRequest({ kind, name: 'cpu', group: '', tags: {}, size: 0n, byName: false }));
        } else if (kind === 'end') {
          kapacitor.write(encodeRequest({ kind, name: 'cpu', group: '', tags: {}, tmax: 0n, byName: false }));
        } else {
          kapacitor.point(aPoint);
        }
      }
      await kapacitor.closed;
      expect(kapacitor.failure).toMatchObject({
        rule: 'error-response',
        detail: expect.stringMatching(message) as string,
      });
      expect(agent.failure).toMatchObject({ code: 'protocol' });
    }
  });

  test('is refused if it is a batch for a UDF that wants a stream', async () => {
    const { kapacitor } = kapacitorInMemory(emitting('stream', 'stream', () => aPoint));
    await kapacitor.init();
    kapacitor.batch({ name: 'cpu', time: 1n, points: [] });
    await kapacitor.closed;
    expect(kapacitor.failure?.detail).toBe('emitting: task test: a batch came, but emitting wants a stream');
  });
});

describe('points', () => {
  test('of a UDF that makes a stream of batches have the name and the grouping of the batch', async () => {
    const run = await runUdf(
      defineUdf({
        name: 'flatten',
        wants: 'batch',
        provides: 'stream',
        batch(batch, { emit }) {
          for (const point of batch.points) emit(point);
          emit(createPoint({ name: 'own', time: 1n, fields: { v: 1 } }));
        },
      }),
    );
    const { points } = await run.send({
      name: 'cpu',
      tags: { host: 'a', dc: 'b' },
      byName: true,
      points: [{ time: 5n, fields: { v: 1 } }],
    });
    expect(points[0]).toMatchObject({
      name: 'cpu',
      group: 'cpu\ndc=b,host=a',
      dimensions: ['dc', 'host'],
      byName: true,
    });
    expect(points[1]).toMatchObject({ name: 'own', dimensions: [] });
    await run.stop();
  });

  test('have a field in one map only, whatever type it had: Kapacitor would take the old one from a map of higher rank', async () => {
    const values = fc.constantFrom<(number | bigint | string | boolean)[]>(1.5, 2n, 'three', true);
    await fc.assert(
      fc.asyncProperty(values, values, async (before, replaced) => {
        const run = await runUdf(
          emitting('stream', 'stream', (point: Point) => point.withField('v', replaced)),
        );
        const { points } = await run.send({ name: 'cpu', time: 1n, fields: { v: before } });
        expectPoints(points, [{ fields: { v: replaced } }]);
        await run.stop();
      }),
      { numRuns: 30 },
    );
  });
});
