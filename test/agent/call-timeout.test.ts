import { defineUdf, UdfError } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { kapacitorInMemory } from '../support/connection.js';
import {
  gated,
  Gates,
  keyOf,
  received,
  send,
  sendPoint,
  type Settings,
  under,
} from './support/gated-calls.js';

describe('callTimeoutMs', () => {
  /** Waits for its signal where a point has the field `wait`. */
  const waiting = (settings: Settings, seen: unknown[] = []) =>
    defineUdf({
      name: 'waiting',
      wants: 'stream',
      provides: 'stream',
      callTimeoutMs: 30,
      ...settings,
      state: () => ({ count: 0 }),
      async point(point, context) {
        const { signal, emit } = context;
        context.state.count++;
        if (point.fields.wait === true) {
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve);
          });
          seen.push(signal.reason);
          emit(point.withFields({ late: true }));
          context.state = { count: 1000 };
        }
        return point.withFields({ count: context.state.count });
      },
    });

  test('aborts the signal of a call that takes longer; its output and new state are lost', async () => {
    const seen: unknown[] = [];
    const { kapacitor, agent, log } = kapacitorInMemory(waiting({ onError: 'drop' }, seen));
    await kapacitor.init();
    sendPoint(kapacitor, 'a1', { wait: true });
    send(kapacitor, 'a2');
    const { points } = await kapacitor.stop();
    expect(points.map((point) => [keyOf(point), point.fields.count])).toEqual([['a2', 2]]);
    expect(seen).toMatchObject([{ code: 'handler_timeout' }]);
    expect(seen[0]).toBeInstanceOf(UdfError);
    expect(agent.stats).toMatchObject({ errors: 1, pointsDropped: 1 });
    const lines = log.filter(({ level }) => level === 'error');
    expect(lines).toMatchObject([
      {
        details: { code: 'handler_timeout' },
        message:
          'waiting: task test: the call took longer than 30 ms (callTimeoutMs) on the point of group "host=a" at 1; dropped',
      },
    ]);
    expect(log.filter(({ message }) => message.startsWith('emit was called after its call'))).toHaveLength(1);
  });

  test('ends the task with handler_timeout, where the policy is to stop', async () => {
    const { kapacitor, agent } = kapacitorInMemory(waiting({ concurrency: 2 }));
    await kapacitor.init();
    sendPoint(kapacitor, 'a1', { wait: true });
    await expect(kapacitor.stop()).rejects.toThrow('the call took longer than 30 ms (callTimeoutMs)');
    expect(agent.failure?.code).toBe('handler_timeout');
  });

  test('counts from the beginning of the call, not from the arrival of the point', async () => {
    const gates = new Gates();
    const { kapacitor } = kapacitorInMemory(gated(gates, { concurrency: 1, callTimeoutMs: 60_000 }));
    await kapacitor.init();
    send(kapacitor, 'a1', 'b1', 'c1');
    for (const key of ['a1', 'b1', 'c1']) {
      await under(gates, key);
      gates.end(key);
    }
    expect(received(await kapacitor.stop())).toEqual(['a1', 'b1', 'c1']);
  });
});
