import { type DeadLetter, type DeadLetters, defineUdf, type UseId } from 'kapacitor-udf';
import { expect, test } from 'vitest';
import type { ErrorPolicy } from '../../src/udf/runtime-options.js';
import { LazyPoint } from '../../src/wire/point/lazy-point.js';
import { kapacitorInMemory } from '../support/connection.js';

class Letters implements DeadLetters {
  readonly all: { readonly use: UseId; readonly letter: DeadLetter }[] = [];

  add(use: UseId, letter: DeadLetter): void {
    this.all.push({ use, letter: structuredClone(letter) }); // as on its way to another thread
  }
}

const failing = (onError: ErrorPolicy, isAsync = false) =>
  defineUdf({
    name: 'failing',
    wants: 'stream',
    provides: 'stream',
    onError,
    point: isAsync
      ? () => Promise.reject(new Error('no value'))
      : () => {
          throw new Error('no value');
        },
  });

const cpu = { time: 7n, name: 'cpu', tags: { host: 'a' }, fields: { v: 1n } };

test.each([false, true])(
  'a point that the policy drops is given away with the reason (async: %s)',
  async (isAsync) => {
    const deadLetters = new Letters();
    const { kapacitor } = kapacitorInMemory(failing('drop', isAsync), { deadLetters });
    await kapacitor.init();
    kapacitor.point(cpu);
    await kapacitor.stop();
    expect(deadLetters.all).toEqual([
      {
        use: { udf: 'failing', task: 'test', node: expect.any(String) as string },
        letter: {
          points: 1,
          frames: expect.any(Uint8Array) as Uint8Array,
          reason: 'no value',
          droppedAt: expect.any(Number) as number,
          batch: undefined,
        },
      },
    ]);
    const { frames } = deadLetters.all[0]!.letter;
    expect(frames.buffer.byteLength).toBe(frames.length);
    const point = LazyPoint.fromWholeFrame(Buffer.from(frames));
    expect(point).toMatchObject({ name: 'cpu', time: 7n, fields: { v: 1n }, tags: { host: 'a' } });
  },
);

test.each(['pass', 'stop'] as const)('a point that the policy "%s" is for is none', async (onError) => {
  const deadLetters = new Letters();
  const { kapacitor } = kapacitorInMemory(failing(onError), { deadLetters });
  await kapacitor.init();
  kapacitor.point(cpu);
  await kapacitor.stop().catch(() => undefined);
  expect(deadLetters.all).toEqual([]);
});

test('a batch goes with all of its points, in letters of bounded size', async () => {
  const deadLetters = new Letters();
  const udf = defineUdf({
    name: 'failing',
    wants: 'batch',
    provides: 'batch',
    onError: 'drop',
    batch() {
      throw new Error('no value');
    },
  });
  const { kapacitor } = kapacitorInMemory(udf, { deadLetters });
  await kapacitor.init();
  const points = Array.from({ length: 10 }, (_, time) => ({
    time: BigInt(time),
    fields: { text: 'x'.repeat(100_000) },
  }));
  kapacitor.batch({ name: 'cpu', time: 1n, tags: { host: 'a' }, points });
  await kapacitor.stop();
  expect(deadLetters.all.map(({ letter }) => letter.points)).toEqual([2, 2, 2, 2, 2]);
  expect(deadLetters.all[0]!.letter.batch).toMatchObject({ name: 'cpu', tags: { host: 'a' } });
});

test('a single point of a batch goes with the name and tags of its batch', async () => {
  const deadLetters = new Letters();
  const udf = defineUdf({
    name: 'failing',
    wants: 'batch',
    provides: 'batch',
    onError: 'drop',
    point(point) {
      if (point.time === 2n) throw new Error('no value');
    },
  });
  const { kapacitor } = kapacitorInMemory(udf, { deadLetters });
  await kapacitor.init();
  const points = [1n, 2n, 3n].map((time) => ({ time, fields: { v: 1 } }));
  kapacitor.batch({ name: 'cpu', time: 1n, tags: { host: 'a' }, points });
  await kapacitor.stop();
  expect(deadLetters.all.map(({ letter }) => [letter.points, letter.batch?.name])).toEqual([[1, 'cpu']]);
});
