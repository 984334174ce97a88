import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketsOf } from '../../test/support/local-buckets.js';
import { createCalendar, periodNames } from './calendar.js';

const secondOf = (time: string): number => Date.parse(time) / 1000;

/** The periods from the one that `time` is in: when each begins, and its length in minutes. */
function periods(by: string, zone: string, time: string, count: number): [string, number][] {
  const calendar = createCalendar(by, zone, 'monday');
  const found: [string, number][] = [];
  let second = secondOf(time);
  while (found.length < count) {
    const { start, end } = calendar.periodAt(second);
    found.push([new Date(start * 1000).toISOString().replace(':00.000Z', ''), (end - start) / 60]);
    second = end;
  }
  return found;
}

describe('a calendar', () => {
  it.each([
    ['America/New_York', '2024-03-10T12:00Z', ['2024-03-10T05:00', 23 * 60]],
    ['America/New_York', '2024-11-03T12:00Z', ['2024-11-03T04:00', 25 * 60]],
    ['Europe/Berlin', '2024-03-31T12:00Z', ['2024-03-30T23:00', 23 * 60]],
    ['Europe/Berlin', '2024-10-27T12:00Z', ['2024-10-26T22:00', 25 * 60]],
    ['Australia/Lord_Howe', '2024-04-06T20:00Z', ['2024-04-06T13:00', 24 * 60 + 30]],
    ['Australia/Lord_Howe', '2024-10-05T20:00Z', ['2024-10-05T13:30', 23 * 60 + 30]],
    ['Asia/Kathmandu', '2024-10-05T20:00Z', ['2024-10-05T18:15', 24 * 60]],
    ['UTC', '2024-10-05T20:00Z', ['2024-10-05T00:00', 24 * 60]],
  ])('has a day of its own length in %s at %s', (zone, time, day) => {
    expect(periods('day', zone, time, 1)).toEqual([day]);
  });

  it('begins a day at one o’clock where midnight is skipped', () => {
    expect(periods('day', 'America/Sao_Paulo', '2018-11-03T12:00Z', 3)).toEqual([
      ['2018-11-03T03:00', 24 * 60],
      ['2018-11-04T03:00', 23 * 60], // 01:00 in summer time
      ['2018-11-05T02:00', 24 * 60],
    ]);
  });

  it('begins a day once where midnight comes twice', () => {
    expect(periods('day', 'America/Sao_Paulo', '2018-02-17T12:00Z', 2)).toEqual([
      ['2018-02-17T02:00', 25 * 60], // 23:00 to 24:00 came twice
      ['2018-02-18T03:00', 24 * 60],
    ]);
    expect(periods('day', 'America/Goose_Bay', '2010-11-06T12:00Z', 2)).toEqual([
      ['2010-11-06T03:00', 24 * 60],
      ['2010-11-07T03:00', 25 * 60], // put back at 00:01 to 23:01: the date had begun
    ]);
  });

  it('leaves out a date that a zone has skipped', () => {
    expect(periods('day', 'Pacific/Apia', '2011-12-29T12:00Z', 2)).toEqual([
      ['2011-12-29T10:00', 24 * 60],
      ['2011-12-30T10:00', 24 * 60], // the 31st
    ]);
    expect(periods('week', 'Pacific/Apia', '2011-12-29T12:00Z', 1)).toEqual([
      ['2011-12-26T10:00', 6 * 24 * 60],
    ]);
  });

  it('cuts the hour at a change of the clock by half an hour', () => {
    expect(periods('hour', 'Australia/Lord_Howe', '2024-04-06T14:10Z', 3)).toEqual([
      ['2024-04-06T14:00', 60], // 01:00 to 02:00, when the clock is put back to 01:30
      ['2024-04-06T15:00', 30],
      ['2024-04-06T15:30', 60],
    ]);
    expect(periods('hour', 'Australia/Lord_Howe', '2024-10-05T15:00Z', 3)).toEqual([
      ['2024-10-05T14:30', 60],
      ['2024-10-05T15:30', 30], // 02:30, after the clock was put forward from 02:00, to 03:00
      ['2024-10-05T16:00', 60],
    ]);
  });

  it('has the hour of a clock that is put back twice', () => {
    expect(periods('hour', 'Europe/Berlin', '2024-10-27T00:00Z', 2)).toEqual([
      ['2024-10-27T00:00', 60],
      ['2024-10-27T01:00', 60],
    ]);
  });

  it('begins hours and minutes by the local clock', () => {
    expect(periods('hour', 'Asia/Kathmandu', '2024-01-01T00:00Z', 2)).toEqual([
      ['2023-12-31T23:15', 60],
      ['2024-01-01T00:15', 60],
    ]);
    expect(periods('20m', 'Asia/Kathmandu', '2024-01-01T00:00Z', 1)).toEqual([['2023-12-31T23:55', 20]]);
  });

  it('begins weeks on Monday, or on the day that is asked for', () => {
    const weekOf = (weekStart: 'monday' | 'sunday' | 'saturday'): string =>
      new Date(
        createCalendar('week', 'UTC', weekStart).periodAt(secondOf('2024-05-16T12:00Z')).start * 1000,
      ).toISOString();
    expect(weekOf('monday')).toBe('2024-05-13T00:00:00.000Z');
    expect(weekOf('sunday')).toBe('2024-05-12T00:00:00.000Z');
    expect(weekOf('saturday')).toBe('2024-05-11T00:00:00.000Z');
  });

  it('reaches from the first to the last time of Kapacitor', () => {
    expect(periods('year', 'Europe/Berlin', '1678-06-01T00:00Z', 1)[0]![1]).toBe(365 * 24 * 60);
    expect(periods('year', 'Europe/Berlin', '2261-06-01T00:00Z', 1)[0]![1]).toBe(365 * 24 * 60);
  });

  it.each([
    'America/New_York',
    'Europe/Berlin',
    'Australia/Lord_Howe',
    'Africa/Casablanca',
    'America/St_Johns',
    'America/Havana',
    'Asia/Gaza',
    'Pacific/Chatham',
    'Asia/Kathmandu',
    'UTC',
  ])('tells the periods of %s apart as its clock shows them', (zone) => {
    const seconds = fc.integer({ min: secondOf('2012-01-01T00:00Z'), max: secondOf('2037-01-01T00:00Z') });
    const kinds = fc.constantFrom(...periodNames, '15m', '20m');
    const calendars = new Map<string, ReturnType<typeof createCalendar>>();
    fc.assert(
      fc.property(seconds, kinds, (second, by) => {
        const known = calendars.get(by) ?? createCalendar(by, zone, 'monday');
        calendars.set(by, known);
        const bucket = bucketsOf(by, zone);
        const { start, end } = known.periodAt(second);
        expect(start <= second && second < end).toBe(true);
        expect([bucket(start), bucket(end - 1)]).toEqual([bucket(second), bucket(second)]);
        expect(bucket(start - 1)).not.toBe(bucket(second));
        expect(bucket(end)).not.toBe(bucket(second));
        expect(known.periodAt(end).start).toBe(end);
        expect(known.periodAt(start - 1).end).toBe(start);
      }),
      { numRuns: 100 },
    );
  });
});
