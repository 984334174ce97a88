import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { generatedLines, generatePoints } from '../../src/feed/generated-lines.js';
import {
  linesPerTransformer,
  metersPerLine,
  type MeterReading,
  SmartMeterGrid,
  smartMeterPoints,
} from '../../src/feed/smart-meters.js';
import type { Line } from '../../src/feed/lines.js';
import { parseLine } from '../../src/recording/line-protocol.js';
import { heldMemory } from '../support/held-bytes.js';

const second = 1_000_000_000n;
/** 2018-01-03, a Wednesday. */
const midnight = 1_514_937_600;
const options = { seed: 1, meters: 250, start: BigInt(midnight) * second, interval: 60n * second };

function first(count: number, changed: Partial<typeof options> = {}) {
  const points = smartMeterPoints({ ...options, ...changed });
  return Array.from({ length: count }, () => points.next().value as { line: string; time: bigint });
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The readings of some meters, each at so many minutes. */
function readings(minutes: number, meters: number, from = midnight): (MeterReading | undefined)[][] {
  const grid = new SmartMeterGrid(7);
  return Array.from({ length: meters }, (_, meter) =>
    Array.from({ length: minutes }, (_, minute) => grid.read(meter, from + 60 * minute, minute)),
  );
}

describe('the demo of smart meters', () => {
  test('is line protocol in time order, with voltage in V and power in W of a meter on its line and transformer', () => {
    let before = options.start;
    for (const { line, time } of first(2000)) {
      const point = parseLine(line);
      expect(point).toMatchObject({ name: 'electricity', time });
      expect(Object.keys(point.tags)).toEqual(['line', 'meter', 'transformer']);
      expect(Object.keys(point.fields)).toEqual(['voltage', 'power']);
      expect(point.fields.voltage).toBeGreaterThan(150);
      expect(point.fields.voltage).toBeLessThan(300);
      expect(point.fields.power).toBeGreaterThan(0);
      expect(time).toBeGreaterThanOrEqual(before);
      before = time;
    }
  });

  test('puts each meter on one line, and each line on one transformer, as full as they go', () => {
    const metersOf = new Map<string, Set<string>>();
    const linesOf = new Map<string, Set<string>>();
    const add = (map: Map<string, Set<string>>, key = '', value = ''): void => {
      map.set(key, (map.get(key) ?? new Set()).add(value));
    };
    for (const { line } of first(500)) {
      const { tags } = parseLine(line);
      add(metersOf, tags.line, tags.meter);
      add(linesOf, tags.transformer, tags.line);
    }
    const sizes = (map: Map<string, Set<string>>): number[] => [...map.values()].map(({ size }) => size);
    expect(sizes(linesOf)).toEqual([linesPerTransformer, linesPerTransformer, 3]);
    expect(sizes(metersOf)).toEqual([...Array.from({ length: 12 }, () => metersPerLine), 10]);
    expect(new Set([...metersOf.values()].flatMap((meters) => [...meters])).size).toBe(options.meters);
  });

  test('is the same for the same seed, and other data for another', () => {
    expect(first(500)).toEqual(first(500));
    expect(first(500, { seed: 2 })).not.toEqual(first(500));
  });

  test('is the same from a later start on, whenever that is', () => {
    const later = options.start + 12_345_678_901n;
    expect(first(2000, { start: later }).slice(0, 1000)).toEqual(
      first(2000)
        .filter(({ time }) => time >= later)
        .slice(0, 1000),
    );
    const longBefore = first(600, { start: -90n * second });
    expect(longBefore[0]!.time).toBeGreaterThanOrEqual(-90n * second);
    expect(longBefore.at(-1)!.time).toBeGreaterThan(0n);
  });

  test('is what the recording of edgeDetect holds: a day of three meters with each kind of fault', () => {
    const recording = new URL('../../udfs/edge-detect/recordings/voltage.lp', import.meta.url);
    const lines = readFileSync(recording, 'utf8').trimEnd().split('\n');
    const day = { seed: 961, meters: 3, interval: 600n * second };
    expect(first(lines.length, day).map(({ line }) => line)).toEqual(lines);
  });

  test('spreads the meters evenly over the interval', () => {
    const times = first(250, { seed: 5 }).map(({ time }) => Number(time - options.start) / 1e9);
    expect(times[1]! - times[0]!).toBeCloseTo(60 / options.meters, 6);
    expect(times.at(-1)).toBeLessThan(61);
  });

  test('has a daily shape: voltage falls with the evening peak, and more at the end of a line', () => {
    const day = readings(1440, 400);
    const voltageAt = (hour: number, position: number): number =>
      mean(
        day
          .filter((_, meter) => meter % metersPerLine === position)
          .map((values) => values[hour * 60]?.voltage ?? NaN)
          .filter((value) => !Number.isNaN(value)),
      );
    const fall = (position: number): number => voltageAt(3, position) - voltageAt(19, position);
    expect(fall(0)).toBeGreaterThan(1);
    expect(fall(metersPerLine - 1)).toBeGreaterThan(fall(0) + 3);
  });

  test('has a weekly shape: more power at noon of a weekend, less in its early mornings', () => {
    const grid = new SmartMeterGrid(7);
    const power = (day: number, hour: number): number =>
      mean(
        Array.from({ length: 500 }, (_, meter) =>
          grid.read(meter, midnight + day * 86_400 + hour * 3600, day),
        ).map((reading) => reading?.power ?? 0),
      );
    const [wednesday, saturday, sunday, nextWednesday] = [0, 3, 4, 7];
    for (const weekend of [saturday, sunday]) {
      expect(power(weekend, 11)).toBeGreaterThan(1.3 * power(wednesday, 11));
      expect(power(weekend, 6)).toBeLessThan(0.8 * power(wednesday, 6));
    }
    expect(power(nextWednesday, 11) / power(wednesday, 11)).toBeCloseTo(1, 1);
  });

  test('has faults: over-voltage of a transformer, under-voltage of a line, meters that fall silent and return', () => {
    const weekOfMinutes = 7 * 1440;
    const meters = 10 * linesPerTransformer * metersPerLine;
    const grid = new SmartMeterGrid(3);
    const found = { over: 0, under: 0, silent: 0, longestSilence: 0 };
    for (let meter = metersPerLine - 1; meter < meters; meter += metersPerLine) {
      let silence = 0;
      for (let minute = 0; minute < weekOfMinutes; minute += 10) {
        const reading = grid.read(meter, midnight + 60 * minute, minute);
        silence = reading ? 0 : silence + 10;
        found.longestSilence = Math.max(found.longestSilence, silence);
        if (!reading) found.silent++;
        else if (reading.voltage > 253) found.over++;
        else if (reading.voltage < 207) found.under++;
      }
    }
    expect(found.over).toBeGreaterThan(20);
    expect(found.under).toBeGreaterThan(20);
    expect(found.silent).toBeGreaterThan(20);
    expect(found.longestSilence).toBeLessThanOrEqual(190); // three hours
    const readingsInAll = (meters / metersPerLine) * (weekOfMinutes / 10);
    expect(found.over + found.under + found.silent).toBeLessThan(0.03 * readingsInAll);
  });

  test('leaves out a silent meter only, so that the others report as before', () => {
    const round = first(options.meters * 60).map(({ line }) => parseLine(line).tags.meter!);
    const counts = new Map<string, number>();
    for (const meter of round) counts.set(meter, (counts.get(meter) ?? 0) + 1);
    expect(counts.size).toBe(options.meters);
    expect([...counts.values()].filter((count) => count >= 60).length).toBeGreaterThan(0.95 * options.meters);
  });

  test('generates more than 100,000 points a second in flat memory', () => {
    const points = smartMeterPoints({ ...options, meters: 10_000 });
    const generate = (count: number): void => {
      for (let index = 0; index < count; index++) points.next();
    };
    generate(50_000);
    const heldBefore = heldMemory();
    const cpuBefore = process.cpuUsage();
    generate(300_000);
    const { user, system } = process.cpuUsage(cpuBefore);
    expect(user + system).toBeLessThan(3_000_000);
    // Kept lines would take more than 60 MB.
    expect(heldMemory() - heldBefore).toBeLessThan(5_000_000);
  });
});

describe('the lines of smart meters', () => {
  const signal = new AbortController().signal;
  const lineOptions = { seed: 1, points: undefined, live: false, signal };

  test('come at the rate that is asked for, by their own times, as many as are asked for', async () => {
    const lines = [];
    const given = { ...lineOptions, points: 5000, meters: 1000, rate: 250 };
    for await (const line of generatedLines('meters', given)) lines.push(line);
    expect(lines).toHaveLength(5000);
    const seconds = Number(lines.at(-1)!.time - lines[0]!.time) / 1e9;
    expect(5000 / seconds).toBeGreaterThan(230); // a few meters are silent
    expect(5000 / seconds).toBeLessThanOrEqual(250.1);
    expect(lines[41]).toMatchObject({ from: 'generated meters, line 42' });
  });

  test.each([
    [100, undefined, 86_400], // from midnight of yesterday
    [100_000, undefined, 600],
    [10_000, 100_000, 10],
  ])(
    'live, of %d meters at %s a second, have at most a million points before now',
    async (meters, rate, past) => {
      const lines = generatedLines('meters', { ...lineOptions, live: true, meters, rate });
      const { value: first } = (await lines.next()) as IteratorYieldResult<Line>;
      await lines.return(undefined);
      const age = Date.now() / 1000 - Number(first.time) / 1e9;
      expect(age).toBeGreaterThan(0.9 * past);
      expect(age).toBeLessThan(meters === 100 ? 2 * 86_400 + 1 : past + 10);
    },
  );

  test('are of the meters only, and report at least daily', () => {
    const problem = (name: 'adsl' | 'meters', more: object) => () =>
      generatedLines(name, { ...lineOptions, ...more });
    expect(problem('adsl', { meters: 5 })).toThrow('--meters is of --demo meters, not of --demo adsl');
    expect(problem('meters', { rate: 5 })).toThrow('--rate is of the demo of --meters, and there is none');
    expect(problem('meters', { meters: 10_000, rate: 0.1 })).toThrow(
      '--rate 0.1 is too low for 10000 meters, as each reports at least daily; give 0.12 or more',
    );
    expect(problem('meters', { meters: 10_000, rate: 0.12 })).not.toThrow();
  });

  test('are a household without --meters', () => {
    const [point] = generatePoints('meters', { ...options, meters: undefined });
    expect(point!.line).toMatch(/^electricity,meter=main power=/);
  });
});
