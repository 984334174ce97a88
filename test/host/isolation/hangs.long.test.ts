import { beforeAll, describe, expect, test } from 'vitest';
import type { ServedUdf } from '../../../src/host/served-udf.js';
import type { PointInit } from '../../../src/model/point.js';
import { isolatedInMemory, isolatedUdfs } from '../../support/isolated.js';

/** Max time of a call; each one takes 50 ms. */
const handlerMs = 1_000;
const calls = 40;

let udfs: ReadonlyMap<string, ServedUdf>;

beforeAll(async () => {
  udfs = await isolatedUdfs(new URL('modules/slow.mjs', import.meta.url));
});

async function started(name: string, options = '') {
  const { agent, kapacitor, log } = isolatedInMemory(udfs.get(name)!, { limits: { handlerMs } });
  await kapacitor.init(options);
  const send = (time: bigint, fields: PointInit['fields'], host = 'a'): void => {
    kapacitor.point({ time, name: 'cpu', tags: { host }, dimensions: ['host'], fields });
  };
  return { agent, kapacitor, log, send };
}

const numbers = Array.from({ length: calls }, (_, number) => number);

describe.each(['slowSync', 'slowAsync'])(
  '%s: a worker does not hang while each call comes back in time',
  (name) => {
    test('that of a timer, however many are due at one point', async () => {
      const { agent, kapacitor, send } = await started(name);
      for (const number of numbers) send(0n, { timer: `${number}`, clock: 'event', ms: 1n });
      send(1_000_000n, { v: 1 });
      await kapacitor.received({ points: 1 });
      const { points } = await kapacitor.stop();
      expect(points.slice(0, -1).map(({ fields }) => fields.timer)).toEqual(numbers.map(String));
      expect(agent.stats.restarts).toEqual({});
    });

    test('that of a timer, however many are due at one time of day', async () => {
      const { agent, kapacitor, send } = await started(name);
      for (const number of numbers) send(0n, { timer: `${number}`, clock: 'wall', ms: 200n });
      await kapacitor.received({ points: calls });
      const { points } = await kapacitor.stop();
      expect(points.map(({ fields }) => fields.timer)).toEqual(numbers.map(String));
      expect(agent.stats.restarts).toEqual({});
    });

    test('that of a point, however many have waited in .reorder() for the same one', async () => {
      const { agent, kapacitor, send } = await started(name, '.reorder(1s)');
      for (const number of numbers) send(BigInt(calls - number), { v: number });
      send(2_000_000_000n, { v: calls });
      await kapacitor.received({ points: calls });
      const { points } = await kapacitor.stop();
      expect(points.map(({ fields }) => fields.v)).toEqual([...numbers.toReversed(), calls]);
      expect(agent.stats.restarts).toEqual({});
    });

    test('that of a point, however many wait in .reorder() at the end', async () => {
      const { agent, kapacitor, send } = await started(name, '.reorder(1s)');
      for (const number of numbers) send(BigInt(calls - number), { v: number });
      const { points } = await kapacitor.stop();
      expect(points.map(({ fields }) => fields.v)).toEqual(numbers.toReversed());
      expect(agent.stats.restarts).toEqual({});
    });

    test('that of stop, however many groups there are', async () => {
      const { agent, kapacitor, send } = await started(name);
      for (const number of numbers) send(0n, { v: number, stop: true }, `h${number}`);
      await kapacitor.received({ points: calls });
      const { points } = await kapacitor.stop();
      expect(points.slice(calls).map(({ tags }) => tags.host)).toEqual(numbers.map((number) => `h${number}`));
      expect(agent.stats.restarts).toEqual({});
    });
  },
);

test('a timer that hangs is found among those that are due with it', async () => {
  const { agent, kapacitor, log, send } = await started('slowAsync');
  const names = numbers.map((number) => (number === 5 ? 'hang' : `${number}`));
  for (const timer of names) send(0n, { timer, clock: 'wall', ms: 200n });
  await kapacitor.received({ points: calls - 1 });
  const { points } = await kapacitor.stop();
  expect(points.map(({ fields }) => fields.timer)).toEqual(names.filter((timer) => timer !== 'hang'));
  expect(agent.stats.restarts).toEqual({ hung: 2 });
  const dropped =
    /has not returned from a handler within 1000 ms \(handlerMs\), twice in timer "hang" of group "host=a" at \d+; dropped/;
  expect(log.filter(({ message }) => dropped.test(message))).toHaveLength(1);
});
