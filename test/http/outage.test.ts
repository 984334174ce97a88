import { expect, test } from 'vitest';
import { OutageReports } from '../../src/http/outage.js';

/** The seconds of an outage at which it is reported, if the server is tried each second. */
function reportsOf(seconds: number): (number | undefined)[] {
  let ms = 5_000;
  const reports = new OutageReports({ now: () => ms });
  const at: (number | undefined)[] = [];
  for (let second = 0; second <= seconds; second++, ms += 1_000) {
    const outage = reports.failed('refused');
    if (outage) at.push(outage.ms / 1_000);
  }
  return at;
}

test('an outage is reported at once, then at intervals that double up to ten minutes', () => {
  expect(reportsOf(3_000)).toEqual([0, 10, 30, 70, 150, 310, 630, 1_230, 1_830, 2_430]);
});

test('each outage is reported from its own start, and its end tells how long it was', () => {
  let ms = 0;
  const reports = new OutageReports({ now: () => ms });
  expect(reports.ended()).toBeUndefined();
  expect(reports.failed('refused')).toEqual({ reason: 'refused', ms: 0 });
  ms = 2_000;
  expect(reports.failed('timed out')).toBeUndefined();
  expect(reports.ended()).toBe(2_000);
  expect(reports.failed('refused')).toEqual({ reason: 'refused', ms: 0 });
});
