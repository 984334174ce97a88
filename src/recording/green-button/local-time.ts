import { UdfError } from '../../model/errors.js';
import { integer } from './reading-type.js';

export const localTimeElements: ReadonlySet<string> = new Set([
  'tzOffset',
  'dstOffset',
  'dstStartRule',
  'dstEndRule',
]);

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July'].concat([
  'August',
  'September',
  'October',
  'November',
  'December',
]);
const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const occurrences = ['first', 'second', 'third', 'fourth', 'fifth', 'last'];

/**
 * Describes `LocalTimeParameters` for people: `UTC-05:00, from the second Sunday of March 02:00 to the first Sunday of November
 * 02:00 UTC-04:00`. Throws `malformed`.
 */
export function describeLocalTime(texts: ReadonlyMap<string, string>): string {
  const offset = integer('tzOffset', texts.get('tzOffset'));
  if (offset === undefined) throw new UdfError('malformed', 'the LocalTimeParameters have no tzOffset');
  const dstOffset = integer('dstOffset', texts.get('dstOffset')) ?? 0;
  if (dstOffset === 0) return zone(offset);
  const given = ['dstStartRule', 'dstEndRule'].map((name) => texts.get(name) ?? '');
  const [start, end] = given.map(rule);
  const isKnown = start !== undefined && end !== undefined;
  const unknown = given.filter((text) => text !== '').join(', ');
  const rules = isKnown || unknown === '' ? '' : ` (its rules of summer time are not read: ${unknown})`;
  return `${zone(offset)}, ${isKnown ? `from ${start} to ${end}` : 'in summer'} ${zone(offset + dstOffset)}${rules}`;
}

function zone(seconds: number): string {
  const minutes = Math.abs(Math.trunc(seconds / 60));
  const two = (number: number): string => String(number).padStart(2, '0');
  return `UTC${seconds < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/**
 * Decodes a DstRuleType, hexadecimal: from the lowest bit, 12 bits of seconds, 5 of hours, 3 for the day of the week (from 1,
 * Monday), 5 for the day of the month, 3 for the operator and 4 for the month. `undefined` if absent, or if a part is out of
 * range: some utilities give a time in seconds since 1970 instead. Others give the upper 16 bits alone, which lack the time of day.
 */
function rule(text: string): string | undefined {
  if (!/^(?:[0-9a-f]{4}){1,2}$/i.test(text)) return undefined;
  const bits = Number.parseInt(text.padEnd(8, '0'), 16);
  const seconds = bits & 0xfff;
  const hour = (bits >>> 12) & 0x1f;
  const weekday = weekdays[((bits >>> 17) & 7) - 1];
  const day = (bits >>> 20) & 0x1f;
  const operator = (bits >>> 25) & 7;
  const month = months[(bits >>> 28) - 1];
  if (month === undefined || seconds >= 3600 || hour > 24) return undefined;
  const minutes = String(Math.floor(seconds / 60)).padStart(2, '0');
  const time = text.length === 4 ? '' : ` ${String(hour).padStart(2, '0')}:${minutes}`;
  if (operator === 0) return day === 0 ? undefined : `${month} ${day}${time}`;
  if (weekday === undefined) return undefined;
  if (operator === 1) return day === 0 ? undefined : `the first ${weekday} from ${month} ${day}${time}`;
  return `the ${occurrences[operator - 2]!} ${weekday} of ${month}${time}`;
}
