import { comma, dot, minus, plus, space, zero } from './bytes.js';

/** Powers of ten that a double holds exactly. */
const powers = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);
/** Max digits of whole numbers that a double always holds exactly. */
const exactDigits = 15;
const letterI = 0x69;

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
  const text = buf.toString('latin1', start, end);
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

/** What `scanNumber` found. */
export const scannedDouble = 1;
export const scannedInt = 2;

/** Further results of `scanNumber`: module variables, because an object would cost an allocation. */
export let scannedKind = 0;
export let scannedValue = 0;

const letterE = 0x65;
const exponentBit = 0x20;

/**
 * Scans a number at `start`, up to the comma or space behind it, and returns where it ends: a double, or an int within
 * ±10^15. -1 for whatever else is there, which may be a number that `readNumber` reads.
 */
export function scanNumber(buf: Buffer, start: number, end: number): number {
  let at = start;
  const negative = buf[at] === minus;
  if (negative) at++;
  const first = at;
  let whole = 0;
  let point = -1;
  for (; at < end; at++) {
    const digit = buf[at]! - zero;
    if (digit >= 0 && digit <= 9) whole = whole * 10 + digit;
    else if (digit === dot - zero && point < 0) point = at;
    else break;
  }
  const digits = at - first - (point < 0 ? 0 : 1);
  if (digits === 0) return -1;
  if (isValueEnd(buf, at, end)) {
    // A whole number divided by a power of ten, both exact, is the nearest double.
    if (digits <= exactDigits) whole = point < 0 ? whole : whole / powers[at - point - 1]!;
    else return scanLong(buf, start, at);
    scannedKind = scannedDouble;
    scannedValue = negative ? -whole : whole;
    return at;
  }
  if (buf[at] !== letterI)
    return (buf[at]! | exponentBit) === letterE ? scanExponent(buf, start, at, end) : -1;
  if (digits > exactDigits || point >= 0 || !isValueEnd(buf, at + 1, end)) return -1;
  scannedKind = scannedInt;
  scannedValue = negative ? 0 - whole : whole;
  return at + 1;
}

/** A double of many digits, whose form `scanNumber` has checked. */
function scanLong(buf: Buffer, start: number, end: number): number {
  scannedKind = scannedDouble;
  scannedValue = Number(buf.toString('latin1', start, end));
  return Number.isFinite(scannedValue) ? end : -1;
}

/** A double with an exponent at `exponent`; what is before it, `scanNumber` has checked. */
function scanExponent(buf: Buffer, start: number, exponent: number, end: number): number {
  let at = exponent + 1;
  if (buf[at] === minus || buf[at] === plus) at++;
  const first = at;
  while (at < end && buf[at]! >= zero && buf[at]! <= zero + 9) at++;
  return at > first && isValueEnd(buf, at, end) ? scanLong(buf, start, at) : -1;
}

function isValueEnd(buf: Buffer, at: number, end: number): boolean {
  return at >= end || buf[at] === comma || buf[at] === space;
}

/** Second result of `scanTime`: 0 to 999,999,999. */
export let scannedNanoseconds = 0;

/** Seconds below this are in range, whatever the nanoseconds. */
const endSeconds = 9_223_372_036;
const nanosecondDigits = 9;

/**
 * The whole seconds of the time in `buf[start..end)`, if it is digits only and in range; `scannedNanoseconds` are those
 * beyond. -1 for whatever else is there, which may be a time that `readTime` reads.
 */
export function scanTime(buf: Buffer, start: number, end: number): number {
  const split = end - nanosecondDigits;
  if (split < start || start === end) return -1;
  let at = start;
  let seconds = 0;
  for (; at < split; at++) {
    const digit = buf[at]! - zero;
    if (!(digit >= 0 && digit <= 9)) return -1;
    seconds = seconds * 10 + digit;
  }
  let rest = 0;
  for (; at < end; at++) {
    const digit = buf[at]! - zero;
    if (!(digit >= 0 && digit <= 9)) return -1;
    rest = rest * 10 + digit;
  }
  scannedNanoseconds = rest;
  return seconds < endSeconds ? seconds : -1;
}

/** The last seconds converted: neighbours in a recording share them, and BigInt allocates. */
let knownSeconds = 0;
let knownNanoseconds = 0n;

export function nanosecondsOf(seconds: number, rest: number): bigint {
  if (seconds !== knownSeconds) {
    knownSeconds = seconds;
    knownNanoseconds = BigInt(seconds) * 1_000_000_000n;
  }
  return knownNanoseconds + BigInt(rest);
}

/** The time in `buf[start..end)`, digits behind an optional minus; `undefined` if it is empty or out of range. */
export function readTime(buf: Buffer, start: number, end: number): bigint | undefined {
  const digits = buf.toString('latin1', start, end);
  return digits === '' || digits === '-' ? undefined : inRange(BigInt(digits));
}

/** The range of times that InfluxDB and Kapacitor accept. */
const minTime = -(2n ** 63n) + 2n;
const maxTime = 2n ** 63n - 2n;

/** The time itself; `undefined` if InfluxDB and Kapacitor would refuse it. */
export function inRange(time: bigint): bigint | undefined {
  return time >= minTime && time <= maxTime ? time : undefined;
}
