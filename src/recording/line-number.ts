import { dot, minus, zero } from './bytes.js';

/** Powers of ten that a double holds exactly. */
const powers = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);
/** Max digits of whole numbers that a double always holds exactly. */
const exactDigits = 15;
const letterI = 0x69;

/** The numbers that `readNumber` does not parse itself. */
const double = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const integer = /^(-?\d+)i$/;
const unsigned = /^\d+u$/;

/**
 * The number in `buf[start..end)`: a double, an int64 if an `i` follows its digits, or a uint64 behind a `u` where that is
 * allowed. `undefined` if it is malformed or beyond its type's range.
 */
export function readNumber(
  buf: Buffer,
  start: number,
  end: number,
  allowUnsigned: boolean,
): number | bigint | undefined {
  // Most numbers have few digits: a whole number divided by a power of ten, both exact, is the nearest double.
  let at = start;
  const negative = buf[at] === minus;
  if (negative) at++;
  let digits = 0;
  let whole = 0;
  let point = -1;
  for (; at < end; at++) {
    const byte = buf[at]!;
    if (byte === dot && point < 0) {
      point = digits;
      continue;
    }
    const digit = byte - zero;
    if (digit < 0 || digit > 9) break;
    whole = whole * 10 + digit;
    digits++;
  }
  if (digits > 0 && digits <= exactDigits) {
    if (at === end) {
      const value = point < 0 ? whole : whole / powers[digits - point]!;
      return negative ? -value : value;
    }
    if (at === end - 1 && buf[at] === letterI && point < 0) return BigInt(negative ? -whole : whole);
  }
  return readUnusual(buf.toString('latin1', start, end), allowUnsigned);
}

function readUnusual(text: string, allowUnsigned: boolean): number | bigint | undefined {
  const digits = integer.exec(text)?.[1];
  if (digits !== undefined) return int64(digits);
  if (allowUnsigned && unsigned.test(text)) {
    const value = BigInt(text.slice(0, -1));
    return BigInt.asUintN(64, value) === value ? value : undefined;
  }
  const value = double.test(text) ? Number(text) : Infinity;
  return Number.isFinite(value) ? value : undefined;
}

/** Decimal digits as an int64; `undefined` if they do not fit. */
export function int64(text: string): bigint | undefined {
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** The last seconds read: neighbours in a recording share them, and BigInt allocates. */
let knownSeconds = 0;
let knownNanoseconds = 0n;

/** The time in `buf[start..end)`, digits behind an optional minus; `undefined` if it is empty or out of range. */
export function readTime(buf: Buffer, start: number, end: number): bigint | undefined {
  let at = start;
  const negative = buf[at] === minus;
  if (negative) at++;
  if (at === end) return undefined;
  if (end - at > 19) return inRange(BigInt(buf.toString('latin1', start, end)));
  let seconds = 0;
  for (const whole = end - 9; at < whole; at++) seconds = seconds * 10 + (buf[at]! - zero);
  let rest = 0;
  for (; at < end; at++) rest = rest * 10 + (buf[at]! - zero);
  if (seconds !== knownSeconds) {
    knownSeconds = seconds;
    knownNanoseconds = BigInt(seconds) * 1_000_000_000n;
  }
  const time = knownNanoseconds + BigInt(rest);
  return inRange(negative ? -time : time);
}

/** The range of times that InfluxDB and Kapacitor accept. */
const minTime = -(2n ** 63n) + 2n;
const maxTime = 2n ** 63n - 2n;

/** The time itself; `undefined` if InfluxDB and Kapacitor would refuse it. */
export function inRange(time: bigint): bigint | undefined {
  return time >= minTime && time <= maxTime ? time : undefined;
}
