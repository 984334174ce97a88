import { describe, expect, test } from 'vitest';
import { type GeneratorName, generatePoints } from '../../src/feed/generated-lines.js';
import { parseLine } from '../../src/recording/line-protocol.js';

const options = { seed: 1, start: 1_500_000_000_000_000_000n, interval: 90_000_000_000n };

function first(count: number, name: GeneratorName, seed = 1) {
  const lines = generatePoints(name, { ...options, seed });
  return Array.from({ length: count }, () => lines.next().value as { line: string; time: bigint });
}

describe.each(['adsl', 'meters'] as const)('the generator %s', (name) => {
  test('is line protocol in time order, with the times that it says', () => {
    let before = 0n;
    for (const { line, time } of first(3000, name)) {
      expect(parseLine(line).time).toBe(time);
      expect(time).toBeGreaterThanOrEqual(before);
      before = time;
    }
  });

  test('is the same for the same seed, and other data for another', () => {
    expect(first(500, name)).toEqual(first(500, name));
    expect(first(500, name, 2)).not.toEqual(first(500, name));
  });
});

test('the router is online most of the time, trains for minutes, and sometimes flaps', () => {
  const states = first(40_000, 'adsl')
    .map(({ line }) => parseLine(line))
    .filter(({ name }) => name === 'adsl_connection')
    .map(({ fields }) => fields.value);
  const online = states.filter((state) => state === 'SHOWTIME').length / states.length;
  expect(online).toBeGreaterThan(0.8);
  expect(online).toBeLessThan(0.99);
  const runs = states.reduce<number[]>((lengths, state, index) => {
    if (state === states[index - 1]) lengths[lengths.length - 1]!++;
    else lengths.push(1);
    return lengths;
  }, []);
  expect(Math.max(...runs)).toBeGreaterThan(100);
  expect(runs.filter((length) => length < 5).length).toBeGreaterThan(20);
});

test("the meters' counters only ever grow", () => {
  const newest = new Map<string, bigint>();
  for (const { line } of first(6000, 'meters')) {
    const { name, fields } = parseLine(line);
    const counter = (fields.energy ?? fields.volume) as bigint;
    expect(counter).toBeGreaterThanOrEqual(newest.get(name) ?? 0n);
    newest.set(name, counter);
  }
  expect([...newest.keys()]).toEqual(['electricity', 'gas', 'water']);
});
