import { describe, expect, test } from 'vitest';
import { type GeneratorName, generatePoints } from '../../src/feed/generated-lines.js';
import { parseLine } from '../../src/recording/line-protocol.js';

const options = { seed: 1, start: 1_500_000_000_000_000_000n, interval: 90_000_000_000n };

function first(count: number, name: GeneratorName, seed = 1) {
  const lines = generatePoints(name, { ...options, seed });
  return Array.from({ length: count }, () => lines.next().value as { line: string; time: bigint });
}

describe.each(['adsl', 'meters', 'building'] as const)('the generator %s', (name) => {
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

describe('the building', () => {
  const quarter = 900_000_000_000n;
  /** A Monday, midnight of UTC. */
  const monday = 1_514_764_800_000_000_000n;
  const weekFrom = (start: bigint, seed = 1) => {
    const lines = generatePoints('building', { seed, start, interval: quarter });
    return Array.from({ length: 672 }, () => parseLine((lines.next().value as { line: string }).line));
  };

  test('has a point at the start of each interval, whose energy is its power times its length', () => {
    const points = weekFrom(monday + 1n);
    expect(points[0]!.time).toBe(monday + quarter);
    for (const { name, tags, fields } of points) {
      expect({ name, tags }).toEqual({ name: 'meter', tags: { meter: 'office' } });
      expect(fields.kwh).toBeCloseTo(Number(fields.kw) / 4, 2);
    }
  });

  test('draws more in the hours of workdays than at night and on weekends', () => {
    const days = Array.from({ length: 7 }, (_, day) =>
      weekFrom(monday)
        .slice(96 * day, 96 * (day + 1))
        .map(({ fields }) => Number(fields.kw)),
    );
    const noon = days.map((day) => day[52]!);
    for (const kw of noon.slice(0, 5)) expect(kw).toBeGreaterThan(15);
    for (const kw of [...noon.slice(5), ...days.map((day) => day[8]!)]) expect(kw).toBeLessThan(6);
  });

  test('is the same from another start on', () => {
    const twoDays = 192;
    expect(weekFrom(monday + BigInt(twoDays) * quarter).slice(0, -twoDays)).toEqual(
      weekFrom(monday).slice(twoDays),
    );
  });
});
