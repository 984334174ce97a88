import { setImmediate as nextIteration } from 'node:timers/promises';
import fc from 'fast-check';
import { runUdf, type RunOptions } from 'kapacitor-udf/testkit';
import type { Point } from 'kapacitor-udf';
import { describe, expect, it } from 'vitest';
import { kapacitorInMemory } from '../../test/support/connection.js';
import { outputOf, outputOverRestart, refusal } from '../../test/support/udf-runs.js';
import forecast from './forecast.js';
import { type GroupState, extentUntil, historyOf, isGroupState, newGroup, record } from './history.js';

type Options = Exclude<RunOptions<(typeof forecast)['options']>['options'], string | undefined>;

const hour = 3_600_000_000_000n;
const monday = 1_717_372_800_000_000_000n; // 2024-06-03T00:00Z

/** Points of whole hours from a Monday on, with a shape of the day. */
function hours(count: number, group = 'a', from = monday) {
  return Array.from({ length: count }, (_, index) => point(from + BigInt(index) * hour, shape(index), group));
}

function point(time: bigint, value: number, group = 'a') {
  return {
    name: 'load',
    time,
    group: `site=${group}`,
    dimensions: ['site'],
    tags: { site: group, x: 'y' },
    fields: { mw: value },
  };
}

/** What matters of a point, from a peer or a run. */
const shown = ({ time, group, tags, fields }: Point): unknown => ({ time, group, tags, fields });

const shape = (index: number): number => 50 + 10 * Math.sin((2 * Math.PI * index) / 24);

const twoWeeks = 14 * 24;
const base: Options = { field: 'mw', method: 'seasonalNaive' };

describe('forecast', () => {
  it('emits no point at a time that does not fit 64 bits', async () => {
    const newest = 2n ** 63n - 3n * hour;
    const { points } = await outputOf(
      forecast,
      { ...base, horizon: ['1h', '6h'] },
      hours(twoWeeks, 'a', newest - BigInt(twoWeeks - 1) * hour),
    );
    expect(points.map(({ tags }) => tags.horizon)).toEqual(['1h']);
  });

  it('emits a point for each horizon, with the tags of the group, once the history is long enough', async () => {
    const { points, counters } = await outputOf(forecast, base, hours(twoWeeks));
    expect(points.map(({ name, group, tags }) => ({ name, group, tags }))).toEqual(
      ['1h', '6h', '1d', '2d'].map((horizon) => ({
        name: 'load',
        group: 'site=a',
        tags: { site: 'a', horizon },
      })),
    );
    const origin = twoWeeks - 1;
    for (const [index, ahead] of [1, 6, 24, 48].entries()) {
      const { time, fields } = points[index]!;
      expect(time).toBe(monday + BigInt(origin + ahead) * hour);
      expect(fields.forecast).toBeCloseTo(shape(origin + ahead), 4);
      expect(fields).toMatchObject({ method: 'seasonalNaive', error: expect.closeTo(0, 4) as number });
      expect(fields.lower95).toBeCloseTo(shape(origin + ahead), 4);
    }
    expect(counters).toEqual({ tooShort: twoWeeks - 1 });
  });

  it('has other horizons and names on request', async () => {
    const options: Options = {
      ...base,
      horizon: ['2h', '90m'],
      interval: '30m',
      as: 'f',
      lower80As: 'l80',
      upper80As: 'u80',
      lower95As: 'l95',
      upper95As: 'u95',
      errorAs: 'e',
      methodAs: 'm',
      horizonTag: 'h',
      minHistory: '10d',
    };
    const half = hours(480).map((each, index) => ({ ...each, time: monday + BigInt(index) * (hour / 2n) }));
    const { points } = await outputOf(forecast, options, half);
    expect(points.slice(-2).map(({ tags }) => tags.h)).toEqual(['2h', '1h30m']);
    expect(Object.keys(points.at(-1)!.fields).sort()).toEqual(['e', 'f', 'l80', 'l95', 'm', 'u80', 'u95']);
  });

  it('forecasts after this many new intervals, group by group', async () => {
    const a = hours(twoWeeks + 12);
    const b = hours(twoWeeks + 5, 'b');
    const both = [...a, ...b].sort((one, other) => Number(one.time - other.time));
    const { points } = await outputOf(forecast, { ...base, minNew: 6, horizon: ['1h'] }, both);
    const timesOf = (group: string) =>
      points.filter((each) => each.group === group).map(({ time }) => (time - monday) / hour);
    expect(timesOf('site=a')).toEqual([336n, 342n, 348n]);
    expect(timesOf('site=b')).toEqual([336n]);
  });

  it('takes the mean of many points, once the next interval begins', async () => {
    const points = hours(twoWeeks).flatMap((each) => [
      { ...each, fields: { mw: each.fields.mw - 3 } },
      { ...each, time: each.time + hour / 2n, fields: { mw: each.fields.mw + 3 } },
    ]);
    const options: Options = { ...base, points: 'many', horizon: ['24h'] };
    const { points: before } = await outputOf(forecast, options, points);
    expect(before).toEqual([]);
    const { points: after } = await outputOf(forecast, options, [
      ...points,
      point(monday + BigInt(twoWeeks) * hour, 0),
    ]);
    expect(after).toHaveLength(1);
    expect(after[0]!.fields.forecast).toBeCloseTo(shape(twoWeeks - 1), 3);
  });

  it('takes late points of the window, drops older ones, and waits with those from the far future', async () => {
    const all = hours(twoWeeks);
    const late = all.splice(100, 1);
    const future = point(monday + 100_000n * hour, 1);
    const old = point(monday - 100_000n * hour, 1);
    const { points, counters } = await outputOf(forecast, { ...base, window: '14d', horizon: ['1h'] }, [
      ...all.slice(0, 200),
      future,
      ...all.slice(200, -1),
      ...late,
      old,
      ...all.slice(-1),
    ]);
    expect(points).toHaveLength(1);
    expect(counters).toEqual({ ahead: 1, late: 1, outOfOrder: 1, tooShort: twoWeeks - 2 });
  });

  it('counts the points of a series that comes newest first, which forecast nothing until a new one comes', async () => {
    const all = hours(twoWeeks + 1);
    const [next, ...reversed] = all.toReversed();
    const options: Options = { ...base, horizon: ['1h'] };
    const { points, counters } = await outputOf(forecast, options, reversed);
    expect(points).toEqual([]);
    expect(counters).toEqual({ outOfOrder: twoWeeks - 1, tooShort: 1 });
    const { points: after } = await outputOf(forecast, options, [...reversed, next!]);
    expect(after.map(({ time }) => time)).toEqual([next!.time + hour]);
    expect(after[0]!.fields.forecast).toBeCloseTo(shape(twoWeeks + 1), 4);
  });

  it('goes on after a gap of days', async () => {
    const all = [...hours(21 * 24), ...hours(48, 'a', monday + 24n * 24n * hour)];
    const { points, counters } = await outputOf(forecast, { ...base, horizon: ['24h'] }, all);
    expect(counters.ahead).toBe(1);
    expect(points.at(-1)!.fields.forecast).toBeCloseTo(shape(47), 3);
  });

  it('keeps the time of day over both changes of the clock', async () => {
    for (const [start, shift] of [
      ['2024-03-04T00:00+01:00', 1],
      ['2024-09-30T00:00+02:00', -1],
    ] as const) {
      const from = BigInt(Date.parse(start)) * 1_000_000n;
      // The change is on the Sunday at the end of the fourth week, at 01:00 UTC.
      const change = 27 * 24 + (shift === 1 ? 2 : 3);
      const ofLocal = (index: number): number => shape(index + (index >= change ? shift : 0));
      const points = Array.from({ length: change + 30 }, (_, index) =>
        point(from + BigInt(index) * hour, ofLocal(index)),
      );
      const { points: out } = await outputOf(
        forecast,
        { ...base, zone: 'Europe/Berlin', horizon: ['24h', '48h'], minNew: 1 },
        points,
      );
      for (const { time, fields } of out.filter(({ fields }) => fields.method === 'seasonalNaive')) {
        const index = Number((time - from) / hour);
        if (Math.abs(index - change) < 2) continue; // the hour that comes twice, or not at all
        expect(fields.forecast).toBeCloseTo(ofLocal(index), 3);
      }
    }
  });

  it('emits the same after a restart', async () => {
    const random = hours(twoWeeks + 40).map((each, index) => ({
      ...each,
      fields: { mw: each.fields.mw + ((index * 7919) % 13) },
    }));
    const options: Options = { field: 'mw', horizon: ['1h'] };
    const whole = await outputOf(forecast, options, random);
    const cut = twoWeeks + 11;
    const parts = await outputOverRestart(forecast, options, random.slice(0, cut), random.slice(cut), {
      ...options,
      as: 'forecast',
    });
    expect(parts.points).toEqual(whole.points);
  });

  it('keeps less than 6 bytes for each value of its window', async () => {
    const groups = 5;
    const run = await runUdf(forecast, { options: { ...base, window: '8w', minHistory: '8w' } });
    for (let group = 0; group < groups; group++) await run.send(hours(9 * 7 * 24, String(group)));
    const snapshot = await run.snapshot();
    await run.stop();
    expect(snapshot.length / groups).toBeLessThan(6 * 8 * 7 * 24);
  });

  it('handles points of other groups between the slices of a forecast', async () => {
    const { kapacitor } = kapacitorInMemory(forecast);
    await kapacitor.init(".field('mw').onMissing('error').onError('pass')");
    for (const each of ['a', 'b'].flatMap((group) => hours(twoWeeks, group))) kapacitor.point(each);
    while (kapacitor.points.filter(({ tags }) => tags.horizon !== undefined).length < 8) {
      const before = kapacitor.points.length;
      kapacitor.point({ ...point(0n, 0, 'c'), fields: { echo: true } });
      await kapacitor.received({ points: before + 1 });
      await nextIteration();
    }
    const { points } = await kapacitor.stop();
    const kinds = points.map(({ fields, tags }) => (fields.echo === true ? 'echo' : tags.site)).join(' ');
    // Several points before the forecasts of each group: none of them has waited for the whole of one.
    expect(kinds).toMatch(/^echo( echo)+ a a a a( echo)+ b b b b( echo)*$/);
  });

  it('makes the queued forecasts after a restart, those of each group from its newest values', async () => {
    const options = ".field('mw').method('seasonalNaive').method('smoothing')";
    const all = ['a', 'b', 'c'].flatMap((group) => hours(twoWeeks + 5, group));
    const { kapacitor, agent } = kapacitorInMemory(forecast);
    await kapacitor.init(options);
    for (const each of all) kapacitor.point(each);
    await kapacitor.keepalive();
    const snapshot = await kapacitor.snapshot();
    const before = kapacitor.points.length;
    expect(agent.stats.counters.superseded).toBe(15);
    const { kapacitor: next } = kapacitorInMemory(forecast);
    await next.init(options);
    await next.restore(snapshot);
    const { points } = await next.stop();
    const whole = await outputOf(forecast, options, all);
    const lastOf = (group: string) => whole.points.filter(({ tags }) => tags.site === group).slice(-4);
    const expected = ['a', 'b', 'c'].flatMap(lastOf).slice(before);
    expect(points.map(shown)).toEqual(expected.map(shown));
    expect(before).toBeLessThan(12);
  });

  it('takes the state of version 1', () => {
    const state = newGroup();
    record(state, 5, 1, { window: 10, maxLead: 24, isMean: false });
    const migrated = forecast.handlers.migrate!({ head: '["load","","",false,[],[]]', ...state }, 1);
    expect(migrated).toEqual(state);
    expect(isGroupState(migrated)).toBe(true);
  });

  it('takes values up to the largest that it can keep', async () => {
    const points = hours(twoWeeks).map((one, index) => ({
      ...one,
      fields: { mw: index % 24 < 12 ? 1e38 : -1e38 },
    }));
    const { points: forecasts } = await outputOf(forecast, { ...base, horizon: '1h' }, points);
    expect(forecasts.map(({ fields }) => fields.forecast)).toEqual([expect.closeTo(1e38, -32)]);
  });

  it('leaves out points without such a number, or fails', async () => {
    const points = [
      { ...point(monday, 1), fields: { mw: NaN } },
      { ...point(monday, 1), fields: { other: 1 } },
      { ...point(monday, 1), fields: { mw: 1e300 } },
    ];
    expect((await outputOf(forecast, base, points)).counters).toEqual({ missing: 3 });
    await expect(outputOf(forecast, { ...base, onMissing: 'error' }, points)).rejects.toThrow(
      /the point at 1717372800000000000 \(group "site=a"\) has no number within ±1e38 in the field "mw"/,
    );
  });

  it('refuses to overwrite a tag that the stream is grouped by', async () => {
    await expect(outputOf(forecast, { ...base, horizonTag: 'site' }, hours(twoWeeks))).rejects.toThrow(
      /grouped by the tag "site", which forecasts would overwrite; give theirs another name by \.horizonTag\(\)/,
    );
  });

  it.each([
    [".field('v').interval(7m)", '.interval() must be whole seconds that divide a day, got 7m'],
    [
      ".field('v').horizon(90m)",
      '.horizon() must be a multiple of .interval(1h) and at most half of .minHistory(2w), got 1h30m',
    ],
    [
      ".field('v').minHistory(3d)",
      '.horizon() must be a multiple of .interval(1h) and at most half of .minHistory(3d), got 2d',
    ],
    [".field('v').window(1w)", '.minHistory() may be at most .window(1w), got 2w'],
    [
      ".field('v').interval(1m)",
      '.window() may have at most 20000 intervals, which with .interval(1m) is 1w6d21h20m, got 12w',
    ],
    [
      ".field('v').zone('Europe/Brlin')",
      "the time zone 'Europe/Brlin' is unknown (did you mean 'Europe/Berlin'?)",
    ],
    [".field('v').as('error')", "two options write the field 'error'"],
  ])('refuses %s', async (given, problem) => {
    expect(await refusal(forecast, given)).toContain(problem);
  });
});

describe('the history of a group', () => {
  it('is what a map by interval holds, for any values', () => {
    const given = fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: -50, max: 50 })), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(given, fc.constantFrom(5, 40, 150), (values, window) => {
        const state: GroupState = newGroup();
        const model = new Map<number, number>();
        let newest = -Infinity;
        for (const [number, value] of values) {
          const recorded = record(state, number, value, { window, maxLead: 1000, isMean: false });
          const older = number <= newest - window ? 'late' : 'older';
          expect(recorded).toBe(number > newest ? 'new' : number === newest ? 'same' : older);
          newest = Math.max(newest, number);
          if (recorded !== 'late') model.set(number, value);
          for (const old of model.keys()) if (old <= newest - window) model.delete(old);
          expect(isGroupState(state)).toBe(true);
        }
        const { first, known } = extentUntil(state, newest)!;
        const { values: kept } = historyOf(state, first, newest);
        expect(known).toBe(model.size);
        const oldest = Math.min(...model.keys());
        expect(first).toBe(oldest);
        expect([...kept]).toEqual(
          Array.from({ length: newest - oldest + 1 }, (_, index) => model.get(oldest + index) ?? NaN),
        );
      }),
    );
  });

  it('is refused from a snapshot that cannot be', () => {
    const state = newGroup();
    record(state, 5, 1, { window: 10, maxLead: 24, isMean: false });
    expect(isGroupState(state)).toBe(true);
    for (const wrong of [
      { oldest: 7 },
      { newest: 100 },
      { forecast: 0.5 },
      { points: -1 },
      { base: NaN },
      { ring: [1] },
      { ahead: [1, NaN] },
      { job: { first: 1, values: new Float64Array([NaN]), slices: 1 } },
      { job: { first: 1, values: new Float64Array(2), slices: -1 } },
      { job: { first: 0.5, values: new Float64Array(2), slices: 1 } },
    ]) {
      expect(isGroupState({ ...state, ...wrong })).toBe(false);
    }
    expect([null, 1, {}].map(isGroupState)).toEqual([false, false, false]);
  });
});
