/**
 * Examples for the voltage classifier from the smart meters of `feed --demo meters --meters N`, a reading a minute: what is
 * known at a reading, and whether the voltage leaves its band in the hour after it.
 */
import { SmartMeterGrid } from '../../../dist/src/feed/smart-meters.js';

export const minVolts = 207;
export const maxVolts = 253;
export const featureNames = ['voltage', 'hour_mean', 'hourSin', 'hourCos', 'isWeekend'];

const hour = 60;
const dayMinutes = 24 * hour;
/** 2018-01-03, as the demo begins. */
const firstMinute = 1_514_937_600 / 60;

/** Meters of a grid, evenly spread over its lines, and places along them. */
const meterStep = 7;

/**
 * Reads `meters` meters over `days` days, and makes an example of every `every`-th minute. `hourAgo` has what the hour before the
 * reading would have predicted: that the next one is the same.
 */
export function voltageExamples({ seed, meters, days, every }) {
  const grid = new SmartMeterGrid(seed);
  const rows = [];
  const outside = [];
  const hourAgo = [];
  for (let number = 0; number < meters; number++) {
    const volts = readingsOf(grid, number * meterStep, days * dayMinutes);
    const leaves = volts.map((value) => value < minVolts || value > maxVolts);
    for (let minute = hour; minute + hour < volts.length; minute += every) {
      if (Number.isNaN(volts[minute])) continue; // the meter is silent
      rows.push(features(volts, minute));
      outside.push(leaves.slice(minute + 1, minute + 1 + hour).includes(true));
      hourAgo.push(leaves.slice(minute + 1 - hour, minute + 1).includes(true));
    }
  }
  return { rows, outside, hourAgo };
}

function readingsOf(grid, meter, minutes) {
  return Array.from({ length: minutes }, (_, index) => {
    const minute = firstMinute + index;
    return grid.read(meter, minute * 60, minute)?.voltage ?? NaN;
  });
}

function features(volts, minute) {
  const known = volts.slice(minute + 1 - hour, minute + 1).filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const at = firstMinute + minute;
  const angle = (2 * Math.PI * (at % dayMinutes)) / dayMinutes;
  const weekday = (Math.floor(at / dayMinutes) + 3) % 7; // Monday is 0
  return [volts[minute], mean, Math.sin(angle), Math.cos(angle), weekday >= 5 ? 1 : 0];
}
