import { readFileSync } from 'node:fs';
import { defineUdf } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import type { SnapshotOwner } from '../../../src/agent/state/snapshot.js';
import { readSnapshot } from '../../../src/agent/state/snapshot.js';
import { GroupTable } from '../../../src/agent/state/table.js';
import { runUdf } from '../../../src/testkit/run.js';
import type { UdfDefinition } from '../../../src/udf/definition.js';
import edgeDetect from '../../../udfs/edge-detect/edge-detect.js';
import movingAverage from '../../../udfs/moving-average/moving-average.js';

/** A snapshot that an earlier version wrote, as Kapacitor's databases hold them. */
function recorded(name: string): Buffer {
  return readFileSync(new URL(`../../recordings/snapshots-format-1/${name}.snapshot`, import.meta.url));
}

describe('a snapshot of format 1', () => {
  // Each had 24 points, a second apart, of the hosts h0 to h2 in turn: the values 0, 1.5, 3, … or three texts of seven.
  test.each<[string, UdfDefinition, string, string, unknown]>([
    ['moving-average-size', movingAverage, ".field('value').size(3)", '100', (27 + 31.5 + 100) / 3],
    [
      'moving-average-period',
      movingAverage,
      ".field('value').period(10s)",
      '100',
      (22.5 + 27 + 31.5 + 100) / 4,
    ],
    ['edge-detect', edgeDetect, ".field('value').countAs('n')", '"TRAINING"', 1n],
  ])('of %s is continued', async (name, definition, options, value, expected) => {
    const run = await runUdf(definition, { options, groupBy: ['host'], snapshot: recorded(name) });
    const { points } = await run.send(`cpu,host=h0 value=${value} 25000000000`);
    expect(run.log.filter(({ level }) => level !== 'info')).toEqual([]);
    expect(points.map((point) => point.field('avg') ?? point.field('n'))).toEqual([expected]);
  });

  test.each([
    [
      'columns',
      [
        { a: 1, b: 'x', c: 2n, d: null, e: [1, 0.5] },
        { a: 0.5, b: 'y', c: -1n, d: true, e: [] },
      ],
      [undefined, undefined],
    ],
    ['rows', [{ a: { b: [1, 'x'] } }, new Map([['k', new Set([1])]])], [undefined, undefined]],
    ['expiring', [{ a: 1 }, { a: 2 }], [1n, 2n]],
  ])('with %s is read', async (name, states, times) => {
    const owner: SnapshotOwner = {
      name: 'keeper',
      version: 1,
      migrate: undefined,
      isState: undefined,
      options: { size: 3 },
      defaults: {},
      checkState: () => undefined,
      inspect: () => undefined,
    };
    const expiry = name === 'expiring' ? { max: 10, ttl: 1000n } : {};
    const groups = new GroupTable(() => 'not restored', expiry);
    expect(await readSnapshot(owner, groups, recorded(name))).toEqual([]);
    expect([...groups.entries()]).toEqual(states.map((state, at) => [`group ${at}`, state, times[at]]));
  });
});

test('a task whose state changes its shape from part to part is restored', async () => {
  const definition = defineUdf({
    name: 'shapes',
    wants: 'stream',
    provides: 'stream',
    state: (): Record<string, unknown> => ({}),
    point(point, { state }) {
      state[point.tag('host')!.slice(-1)] = 1;
      return point.replaceFields({ keys: Object.keys(state).join(',') });
    },
  });
  const points = Array.from({ length: 5000 }, (_, host) => `cpu,host=h${host} v=1 1`).join('\n');
  const run = await runUdf(definition, { groupBy: ['host'] });
  await run.send(points);
  const again = await run.restart();
  const { points: out } = await again.send(points);
  expect(out.map((point) => point.field('keys'))).toEqual(
    Array.from({ length: 5000 }, (_, host) => `${host % 10}`),
  );
});
