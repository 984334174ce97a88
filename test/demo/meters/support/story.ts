import type { MeterStory } from '../../../../src/demo/meters/page.js';

const hour = 3600;
/** 1 April 2026, midnight in New York. */
const april = 1_775_016_000;
const nanoseconds = (seconds: number): bigint => BigInt(seconds) * 1_000_000_000n;

const total = (start: number, kWh: number) => ({
  start,
  kWh,
  peakKw: kWh / 10,
  expected: 96,
  missing: 0,
  missingAtFirst: 0,
  revision: 0,
});

const point = (start: number, fields: Record<string, number>) => ({
  name: 'interval_reading',
  time: nanoseconds(start),
  tags: {},
  fields,
  dimensions: ['usage_point'],
  group: 'usage_point=office',
});

/** Two days of a building before 1 April, and a forecast of four hours. */
export function smallStory(parts: Partial<MeterStory> = {}): MeterStory {
  const starts = Array.from({ length: 48 }, (_, index) => april - (48 - index) * hour);
  const load = {
    kind: 'load',
    start: april - 9 * hour,
    end: april - 7 * hour,
    text: 'more than 30 kW',
  } as const;
  const low = { kind: 'voltage', start: april - 5 * hour, end: undefined, text: 'below 207 V' } as const;
  return {
    fetches: [
      {
        at: april,
        text: '1 Apr 12:00: 2 days, 48 readings',
        readings: starts.map((start, index) => point(start, { value: 2500 + 1000 * Math.sin(index / 3) })),
      },
    ],
    totals: {
      days: [
        { ...total(april - 48 * hour, 240), missing: 0.041, missingAtFirst: 0.125, revision: 8 },
        total(april - 24 * hour, 250),
      ],
      months: [total(april - 743 * hour, 6900)],
    },
    loadAlerts: [load],
    volts: starts.map((start, index) => point(start, { voltage: 225 + 25 * Math.sin(index / 5) })),
    voltageAlerts: [low],
    prediction: {
      times: starts,
      probabilities: starts.map((_, index) => index / 48),
      right: 0.95,
      rightAsHourAgo: 0.91,
      warnings: [{ alert: low, minutesBefore: 10 }],
    },
    forecast: {
      history: starts.map((start) => total(start, 10)),
      hours: [1, 6, 24, 48].map((horizon) => ({
        start: april + (horizon - 1) * hour,
        horizon,
        kw: 10,
        method: 'smoothing',
        error: 0.5,
        interval80: [8, 12] as const,
        interval95: [6, 15] as const,
      })),
    },
    outcome: { measured: [total(april, 11)], error: 1, within80: 1, within95: 1 },
    ...parts,
  };
}
