import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defineUdf } from 'kapacitor-udf';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { kapacitorInMemory } from '../support/connection.js';
import { gated, Gates, keyOf, received, send, turns, under } from './support/gated-calls.js';

describe("output that is ordered across 'all' groups", () => {
  test('comes in the order of the input', async () => {
    const gates = new Gates();
    const { kapacitor } = kapacitorInMemory(gated(gates, { concurrency: 4, ordered: 'all' }));
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'c1', 'a2');
    await under(gates, 'a1', 'b1', 'c1');
    gates.end('c1', 'b1');
    await turns();
    expect(received(kapacitor)).toEqual([]);
    gates.end('a1');
    await kapacitor.received({ points: 3 });
    expect(received(kapacitor)).toEqual(['a1', 'b1', 'c1']);
    await under(gates, 'a2');
    gates.end('a2');
    expect(received(await kapacitor.stop())).toEqual(['a1', 'b1', 'c1', 'a2']);
  });

  test('comes in that order also where calls of one group overlap', async () => {
    const gates = new Gates();
    const stateless = defineUdf({
      name: 'stateless',
      wants: 'stream',
      provides: 'stream',
      concurrency: 3,
      ordered: 'all',
      overlap: 'all',
      async point(point) {
        await gates.pass(keyOf(point));
        return point;
      },
    });
    const { kapacitor } = kapacitorInMemory(stateless);
    await kapacitor.init();
    send(kapacitor, 'a1', 'a2', 'b1', 'a3');
    await under(gates, 'a1', 'a2', 'b1');
    gates.end('b1', 'a2');
    await under(gates, 'a1', 'a3');
    expect(received(kapacitor)).toEqual([]);
    gates.end('a3', 'a1');
    expect(received(await kapacitor.stop())).toEqual(['a1', 'a2', 'b1', 'a3']);
  });

  test('of the oldest call is sent as it is emitted', async () => {
    const gates = new Gates();
    const early = defineUdf({
      name: 'early',
      wants: 'stream',
      provides: 'stream',
      concurrency: 4,
      ordered: 'all',
      async point(point, { emit }) {
        emit(point);
        await gates.pass(keyOf(point));
        emit(point);
      },
    });
    const { kapacitor } = kapacitorInMemory(early);
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1');
    await kapacitor.received({ points: 1 });
    await turns();
    expect(received(kapacitor)).toEqual(['a1']);
    gates.end('a1');
    await kapacitor.received({ points: 3 });
    expect(received(kapacitor)).toEqual(['a1', 'a1', 'b1']);
    gates.end('b1');
    await kapacitor.stop();
  });

  test('is held back in bounded memory: then no further call begins', async () => {
    const gates = new Gates();
    let calls = 0;
    const large = defineUdf({
      name: 'large',
      wants: 'stream',
      provides: 'stream',
      concurrency: 50,
      ordered: 'all',
      async point(point) {
        calls++;
        if (point.tags.host === 'a') await gates.pass(keyOf(point));
        return point.withFields({ text: 'x'.repeat(100_000) });
      },
    });
    const { kapacitor, agent } = kapacitorInMemory(large, { limits: { outputBytes: 16e6 } });
    await kapacitor.init();
    send(kapacitor, 'a1');
    for (let time = 1; time <= 500; time++) send(kapacitor, `b${time}`, `c${time}`);
    await under(gates, 'a1');
    await turns();
    expect(calls).toBeLessThan(60);
    expect(agent.stats.pointsOut).toBe(0);
    gates.end('a1');
    expect((await kapacitor.stop()).points).toHaveLength(1001);
  });

  test('of calls that wait for those ahead of them does not keep these from beginning', async () => {
    const gates = new Gates();
    const arrays = defineUdf({
      name: 'arrays',
      wants: 'stream',
      provides: 'stream',
      concurrency: 2,
      ordered: 'all',
      async point(point) {
        if (point.tags.host === 'a') await gates.pass(keyOf(point));
        return Array.from({ length: 20 }, () => point.withFields({ text: 'x'.repeat(100_000) }));
      },
    });
    const { kapacitor } = kapacitorInMemory(arrays);
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'a2', 'c1', 'd1');
    await under(gates, 'a1');
    await turns();
    gates.end('a1');
    await under(gates, 'a2');
    await turns();
    gates.end('a2');
    const keys = received(await kapacitor.stop());
    expect(keys).toEqual(['a1', 'b1', 'a2', 'c1', 'd1'].flatMap((key) => Array<string>(20).fill(key)));
  });

  test('is the same as without concurrency, whatever ends first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ group: fc.constantFrom('a', 'b', 'c'), turns: fc.nat(4), copies: fc.nat(2) }), {
          maxLength: 40,
        }),
        async (inputs) => {
          const outputs = [];
          for (const concurrency of [1, 3]) {
            const { kapacitor } = kapacitorInMemory(
              defineUdf({
                name: 'copies',
                wants: 'stream',
                provides: 'stream',
                concurrency,
                ...(concurrency > 1 && { ordered: 'all' as const }),
                state: () => ({ count: 0 }),
                async point(point, { state, emit }) {
                  const { turns: wait, copies } = inputs[Number(point.time)]!;
                  for (let count = 0; count < wait; count++) await turn();
                  state.count++;
                  for (let copy = 0; copy < copies; copy++)
                    emit(point.withFields({ count: state.count, copy }));
                },
              }),
            );
            await kapacitor.init();
            for (const [index, { group }] of inputs.entries()) send(kapacitor, `${group}${index}`);
            const { points } = await kapacitor.stop();
            outputs.push(points.map(({ time, fields }) => [time, fields.count, fields.copy]));
          }
          expect(outputs[1]).toEqual(outputs[0]);
        },
      ),
      { numRuns: 30 },
    );
  });
});

test('a call that has ended frees its input, though it waits in order behind one that has not', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void; // the flag makes it a global of new contexts
  const inputs: WeakRef<object>[] = [];
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const udf = defineUdf({
    name: 'ordered',
    wants: 'stream',
    provides: 'stream',
    concurrency: 2,
    ordered: 'all',
    async point(point) {
      if (point.group === 'host=slow') return ended;
      inputs.push(new WeakRef(point));
    },
  });
  const { kapacitor } = kapacitorInMemory(udf);
  await kapacitor.init();
  for (const host of ['slow', 'a', 'b', 'c']) {
    kapacitor.point({ time: 1n, name: 'm', tags: { host }, dimensions: ['host'], fields: { v: 1 } });
  }
  await vi.waitUntil(() => inputs.length === 3);
  await vi.waitUntil(() => {
    collectGarbage();
    // The lane that ran last may still refer to its point.
    return inputs.filter((input) => input.deref() !== undefined).length <= 1;
  });
  end();
  await kapacitor.stop();
});
