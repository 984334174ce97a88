import type { UdfDefinition } from 'kapacitor-udf';
import { describe, expect, test } from 'vitest';
import { GroupPartWriter } from '../../src/agent/state/group-part.js';
import { packBytes, packPart, PartReader } from '../../src/agent/state/parts.js';
import { GroupTable } from '../../src/agent/state/table.js';
import { runUdf } from '../../src/testkit/run.js';
import calendarTotals from '../../udfs/calendar-totals/calendar-totals.js';
import edgeDetect from '../../udfs/edge-detect/edge-detect.js';
import movingAverage from '../../udfs/moving-average/moving-average.js';

/** A snapshot of one group with this state, right in its checksums, UDF and options. */
async function snapshotWith(definition: UdfDefinition, options: string, state: object): Promise<Buffer> {
  const run = await runUdf(definition, { options });
  await run.send('cpu v=1 1');
  const bytes = Buffer.from(await run.snapshot());
  await run.stop();
  const header = new PartReader(bytes, 5).next();
  const groups = new GroupTable(() => undefined);
  groups.restore(['', state, undefined]);
  const part = new GroupPartWriter(groups).write([...groups.indexes()]);
  return Buffer.concat([bytes.subarray(0, 5), ...packPart(header), ...packBytes(part)]);
}

/** What comes out for a point after a restore of this state, and the codes of the errors that are logged. */
async function after(definition: UdfDefinition, options: string, state: object) {
  const snapshot = await snapshotWith(definition, options, state);
  const run = await runUdf(definition, { options, snapshot });
  const { points } = await run.send('cpu v=3 20000000000');
  await run.stop();
  const codes = run.log.filter(({ level }) => level === 'error').map(({ details }) => details.code);
  return { fields: points.map(({ fields }) => fields), codes };
}

describe('calendarTotals starts afresh from a snapshot with an impossible', () => {
  const options = ".by('1m').sum('v', 's').last('v', 'l').keep(1h)";
  const head = { stream: '["cpu","","",false,[]]', tagValues: '[]' };
  const open = { start: 0, end: 60, revision: 0, cells: [1, 5, 0, 1, 19, 0], values: [5] };
  const other = { ...open, start: -60, end: 0 };
  const state = { ...head, seconds: 19, nanos: 0, ...open };

  test.each<readonly [string, object]>([
    ['start', { start: NaN }],
    ['end before its start', { end: -60 }],
    ['number of revisions', { revision: -1 }],
    ['list of cells', { cells: null }],
    ['cell', { cells: [1, 5n, 0, 1, 19, 0] }],
    ['value', { values: [{}] }],
    ['stream', { stream: '{}' }],
    ['stream that is no JSON', { stream: '[' }],
    ['list of tag values', { tagValues: '{}' }],
    ['tag value', { tagValues: '[1]' }],
    ['clock', { seconds: 5n }],
    ['other period', { others: [{ ...other, end: -60 }] }],
    ['list of other periods', { others: {} }],
    ['last reading', { previous: [0, 0, 'x'] }],
    ['time of the next partial total', { nextPartial: 0.5 }],
    ['way of closing', { closing: 3 }],
  ])('%s', async (_what, wrong) => {
    expect(await after(calendarTotals, options, { ...state, ...wrong })).toEqual({
      fields: [],
      codes: ['snapshot_damaged'],
    });
  });

  test('nothing: it goes on', async () => {
    const run = await runUdf(calendarTotals, {
      options,
      snapshot: await snapshotWith(calendarTotals, options, { ...state, others: [other] }),
    });
    await run.send('cpu v=3 20000000000');
    const { points } = await run.stop();
    expect(points.map(({ fields }) => fields)).toEqual([{ s: 8, l: 3, partial: true, revision: 0n }]);
  });
});

describe('edgeDetect starts afresh from a snapshot with an impossible', () => {
  const options = ".field('v').durationAs('s').countAs('n')";
  const state = { value: 1, since: 0n, count: 2, seconds: 0, nanos: 1 };
  const pending = { value: 2, since: 0n, count: 1 };
  const totals = { start: 0n, until: 1n, quiet: 0, states: ['1'], spent: [1n] };

  test.each<readonly [string, object]>([
    ['time since when', { since: null }],
    ['time beyond 64 bits', { since: 2n ** 63n }],
    ['count that is NaN', { count: NaN }],
    ['count below zero', { count: -1 }],
    ['clock of a bigint', { seconds: 5n }],
    ['clock beyond its second', { nanos: 1e9 }],
    ['row of late points', { late: { points: 1 } }],
    ['value', { value: {} }],
    ['value among several', { value: [1, new Date(0)] }],
    ['time of the last emit', { emitted: 1 }],
    ['pending state', { pending: 1 }],
    ['value of a pending state', { pending: { ...pending, value: undefined } }],
    ['time of a pending state', { pending: { ...pending, since: 1 } }],
    ['time of a pending state by the clock', { pending: { ...pending, began: 1 } }],
    ['last point', { last: { time: 1n } }],
    ['silence', { silent: 1 }],
    ['interval', { totals: 1 }],
    ['time of an interval', { totals: { ...totals, start: 0 } }],
    ['state of an interval', { totals: { ...totals, states: [1] } }],
    ['time in a state', { totals: { ...totals, spent: [1] } }],
    ['number of times', { totals: { ...totals, spent: [] } }],
  ])('%s', async (_what, wrong) => {
    expect(await after(edgeDetect, options, { ...state, ...wrong })).toEqual({
      fields: [{ v: 3 }],
      codes: ['snapshot_damaged'],
    });
  });

  test.each<readonly [string, object]>([
    ['as it is', {}],
    ['with all that is optional', { emitted: null, pending, late: { points: 1, since: 0 } }],
    ['with silence and totals', { pending: { ...pending, began: 0n }, silent: true, totals }],
  ])('nothing: it goes on %s', async (_what, more) => {
    const { fields, codes } = await after(edgeDetect, options, { ...state, ...more });
    expect(fields).toEqual([{ v: 3, s: 20, n: expect.any(BigInt) as bigint }]);
    expect(codes).toEqual([]);
  });
});

describe('movingAverage starts afresh from a snapshot with an impossible', () => {
  const counted = { cells: [0, 0, 1, 1, NaN, NaN, NaN], start: 0, count: 1, older: 0, scaled: 0 };
  const timed = {
    ...counted,
    times: new BigInt64Array(4),
    clock: { seconds: 0, nanos: 0, first: 0n },
  };
  const bySize = ".field('v').size(10)";
  const byPeriod = ".field('v').period(1m)";

  test.each<readonly [string, string, object]>([
    ['ring', bySize, { ...counted, cells: null }],
    ['ring of few cells', bySize, { ...counted, cells: [0, 0, 1] }],
    ['cell', bySize, { ...counted, cells: [0, 0, 1, '1', NaN, NaN, NaN] }],
    ['ring of nothing', bySize, { ...counted, cells: new Array<number>(2 ** 32 - 1) }],
    ['scale', bySize, { ...counted, cells: [0, 0, 0, 1, NaN, NaN, NaN] }],
    ['start', bySize, { ...counted, start: 1e15 }],
    ['count beyond the ring', bySize, { ...counted, count: 5 }],
    ['count of a bigint', bySize, { ...counted, count: 1n }],
    ['number of sums', bySize, { ...counted, older: 2 }],
    ['number of scaled sums', bySize, { ...counted, scaled: 1 }],
    ['number of times', byPeriod, { ...timed, times: new BigInt64Array(3) }],
    ['kind of times', byPeriod, { ...timed, times: [0n, 0n, 0n, 0n] }],
    ['clock', byPeriod, { ...timed, clock: { ...timed.clock, seconds: 5n } }],
    ['window in time without a clock', byPeriod, { ...timed, clock: undefined }],
    ['first time', byPeriod, { ...timed, clock: { ...timed.clock, first: 1 } }],
  ])('%s', async (_what, options, state) => {
    expect(await after(movingAverage, options, state)).toEqual({
      fields: [{ avg: 3 }],
      codes: ['snapshot_damaged'],
    });
  });

  test.each([
    [bySize, counted],
    [byPeriod, timed],
  ])('nothing: it goes on with %s', async (options, state) => {
    const sum = { ...state, cells: state.cells.with(0, 1) };
    expect(await after(movingAverage, options, sum)).toEqual({ fields: [{ avg: 2 }], codes: [] });
  });
});
