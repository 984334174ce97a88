import { expect, test } from 'vitest';
import { Activity, type ActivityReading, readActivity } from '../../src/agent/activity.js';
import { defineUdf } from '../../src/udf/definition.js';
import { kapacitorInMemory } from '../support/connection.js';

/** A UDF that notes what its connection's activity is in each handler. */
function watched() {
  const activity = new Activity();
  const seen: (ActivityReading & { readonly handler: string })[] = [];
  const note = (handler: string): void => void seen.push({ handler, ...readActivity(activity.cells) });
  return { activity, seen, note };
}

test("a connection's turn is its activity, a handler that is awaited is pending, and both end", async () => {
  const { activity, seen, note } = watched();
  const definition = defineUdf({
    name: 'mine',
    wants: 'stream',
    provides: 'stream',
    state: () => ({}),
    async point() {
      note('point');
      await Promise.resolve();
      note('after await');
    },
    stop() {
      note('stop');
    },
  });
  const { kapacitor, agent } = kapacitorInMemory(definition, { activity: activity.open('mine') });
  await kapacitor.init();
  expect(activity.uses.get(1)).toMatchObject({
    udf: 'mine',
    task: expect.any(String) as string,
    node: expect.any(String) as string,
  });
  kapacitor.point({ name: 'm', time: 1n, fields: { value: 1 } });
  await kapacitor.stop();
  await agent.closed;
  expect(seen).toEqual([
    { handler: 'point', current: 1, handling: 'a point', pending: [] },
    {
      handler: 'after await',
      current: undefined,
      handling: 'a point',
      pending: [{ number: 1, handling: 'a point' }],
    },
    { handler: 'stop', current: 1, handling: 'stop', pending: [] },
  ]);
  expect(readActivity(activity.cells)).toMatchObject({ current: undefined, pending: [] });
  expect(activity.uses.size).toBe(0);
});

test('a number is used again once its connection is closed', () => {
  const activity = new Activity();
  const first = activity.open('one');
  activity.open('two');
  first.closed();
  activity.open('three');
  expect([...activity.uses].sort()).toEqual([
    [1, { udf: 'three' }],
    [2, { udf: 'two' }],
  ]);
});
