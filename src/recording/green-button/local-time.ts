import { UdfError } from '../../model/errors.js';
import { integer, notNumber } from './reading-type.js';

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
  const [start, end] = (['dstStartRule', 'dstEndRule'] as const).map((name) => rule(name, texts.get(name)));
  const from = start === undefined || end === undefined ? 'in summer' : `from ${start} to ${end}`;
  return `${zone(offset)}, ${from} ${zone(offset + dstOffset)}`;
}

function zone(seconds: number): string {
  const minutes = Math.abs(Math.trunc(seconds / 60));
  const two = (number: number): string => String(number).padStart(2, '0');
  return `UTC${seconds < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/**
 * Decodes a DstRuleType, hexadecimal: from the lowest bit, 12 bits of seconds, 5 of hours, 3 for the day of the week (from 1,
 * Monday), 5 for the day of the month, 3 for the operator and 4 for the month. `undefined` if absent. Some utilities give the upper 16
 * bits alone, which lack the time of day.
 */
function rule(name: string, text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const isShort = text.length === 4;
  const bits = /^(?:[0-9a-f]{4}){1,2}$/i.test(text) ? Number.parseInt(text.padEnd(8, '0'), 16) : undefined;
  const month = bits === undefined ? undefined : months[(bits >>> 28) - 1];
  if (bits === undefined || month === undefined) throw notNumber(name, text, 'a rule of eight hex digits');
  const seconds = bits & 0xfff;
  const hour = (bits >>> 12) & 0x1f;
  const weekday = weekdays[((bits >>> 17) & 7) - 1] ?? 'day';
  const day = (bits >>> 20) & 0x1f;
  const operator = (bits >>> 25) & 7;
  const minutes = String(Math.floor(seconds / 60)).padStart(2, '0');
  const time = isShort ? '' : ` ${String(hour).padStart(2, '0')}:${minutes}`;
  if (operator === 0) return `${month} ${day}${time}`;
  if (operator === 1) return `the first ${weekday} from ${month} ${day}${time}`;
  return `the ${occurrences[operator - 2]!} ${weekday} of ${month}${time}`;
}
