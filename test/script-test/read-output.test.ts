import { describe, expect, it } from 'vitest';
import { pointsOfSeries } from '../../src/script-test/read-output.js';

describe('the points of an httpOut endpoint', () => {
  it('have times to the nanosecond', () => {
    const [point] = pointsOfSeries([
      { name: 'cpu', columns: ['time', 'usage'], values: [['2018-01-03T11:30:51.065000001Z', 1.5]] },
    ]);
    expect(point).toEqual({ name: 'cpu', tags: {}, fields: { usage: 1.5 }, time: 1514979051065000001n });
  });

  it('are refused with a date that does not exist', () => {
    const values = [['2018-02-30T00:00:00Z', 1]];
    expect(() => pointsOfSeries([{ name: 'cpu', columns: ['time', 'usage'], values }])).toThrow(
      'that date or hour does not exist',
    );
  });
});
