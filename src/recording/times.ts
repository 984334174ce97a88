import { UdfError } from '../model/errors.js';

const rfc3339 = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

/** Nanoseconds since the epoch of a text: digits, or a date as RFC 3339 writes it. Throws `malformed`. */
export function parseTime(text: string): bigint {
  const time = /^-?\d{1,20}$/.test(text) ? BigInt(text) : dateOf(text);
  if (time === undefined) {
    throw new UdfError('malformed', `"${text}" is no time: neither nanoseconds nor 2018-01-03T11:30:51.065Z`);
  }
  if (BigInt.asIntN(64, time) !== time) {
    throw new UdfError('malformed', `"${text}" is beyond what a time can be`);
  }
  return time;
}

function dateOf(text: string): bigint | undefined {
  const [, seconds, fraction = '', zone] = rfc3339.exec(text) ?? [];
  const milliseconds = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** A time as Kapacitor writes it: RFC 3339 in UTC, with as many digits behind the point as are needed. */
export function formatTime(time: bigint): string {
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const date = new Date(Number((time - nanoseconds) / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = nanoseconds === 0n ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`;
  return `${date}${fraction}Z`;
}
