import Long from 'long';
import { UdfError } from '../model/errors.js';
import type { LongLike } from '../model/values.js';

/** An int64, as protobufjs decodes it, as a bigint. */
export function bigintOf(value: Long | number): bigint {
  return typeof value === 'number' ? BigInt(value) : value.toBigInt();
}

/** A bigint as protobufjs encodes it. */
export function longOf(value: bigint): Long {
  return Long.fromBigInt(value);
}

/** Whether a value is a `Long`, from this or another copy of the package, or an object of the same shape. */
export function isLongLike(value: unknown): value is LongLike {
  if (Long.isLong(value)) return true;
  if (typeof value !== 'object' || value === null) return false;
  const { low, high } = value as Partial<LongLike>;
  return typeof low === 'number' && typeof high === 'number';
}

/** Whether a number is an integer of 32 bits, signed or not. */
function is32Bits(half: number): boolean {
  return half === half >> 0 || half === half >>> 0;
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (value instanceof Date) return 'a Date';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A user's int64 as a bigint. Throws `invalid_argument` naming `what` if it is of another type or does not fit. */
export function int64Of(value: bigint | LongLike, what: string): bigint {
  if (typeof value === 'bigint') {
    if (BigInt.asIntN(64, value) !== value) {
      const hint = what.startsWith('field') ? '; Number(value) makes it a double' : '';
      throw new UdfError('invalid_argument', `${what} does not fit an int64: ${value}${hint}`);
    }
    return value;
  }
  if (!isLongLike(value)) {
    const got = kindOf(value);
    throw new UdfError(
      'invalid_argument',
      what.endsWith('time')
        ? `${what} must be nanoseconds as a bigint or a Long, got ${got}; of milliseconds, it is BigInt(milliseconds) * 1_000_000n`
        : `${what} must be a bigint or a Long, got ${got}`,
    );
  }
  if (!is32Bits(value.low) || !is32Bits(value.high)) {
    throw new UdfError('invalid_argument', `${what} is not a Long: its halves must be integers of 32 bits`);
  }
  const long = Long.fromValue(value);
  if (long.unsigned && long.high < 0) {
    throw new UdfError('invalid_argument', `${what} does not fit an int64: ${long.toString()}`);
  }
  return long.toBigInt();
}
