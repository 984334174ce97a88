import { InvalidArgumentError } from 'commander';
import { messageOf } from '../model/errors.js';
import { maxTimerMs } from '../model/duration.js';
import { parseDuration } from '../model/duration.js';

/** A whole number from `least`, and up to `most` if that is given. */
export function count(least: number, most?: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least || value > (most ?? value)) {
      const range = most === undefined ? `from ${least}` : `from ${least} to ${most}`;
      throw new InvalidArgumentError(`It must be a whole number ${range}.`);
    }
    return value;
  };
}

const unitBytes = new Map([
  ['', 1],
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

/** A number of bytes: `65536`, `64KiB`, `64MiB`, `1GiB`. */
export function byteSize(text: string): number {
  const [, digits, unit] = /^(\d+)(\D*)$/.exec(text) ?? [];
  const bytes = Number(digits) * (unitBytes.get(unit ?? '') ?? NaN);
  if (!Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError('Write it as a number of bytes, or like 64KiB, 64MiB or 1GiB.');
  }
  return bytes;
}

/** A number of bytes in the largest unit that is exact. */
export function formatByteSize(bytes: number): string {
  const [unit, size] = [...unitBytes].reverse().find(([, size]) => bytes % size === 0) ?? ['', 1];
  return `${bytes / size}${unit}`;
}

/** A duration as a TICKscript writes it, at least as long as `least`. */
export function duration(least: string): (text: string) => bigint {
  return (text) => {
    let value;
    try {
      value = parseDuration(text);
    } catch (reason) {
      throw new InvalidArgumentError(messageOf(reason));
    }
    if (value < parseDuration(least)) throw new InvalidArgumentError(`It must be at least ${least}.`);
    return value;
  };
}

/** A duration that a timer is set to, at least as long as `least`. */
export function timerDuration(least: string): (text: string) => bigint {
  const parse = duration(least);
  return (text) => {
    const value = parse(text);
    if (value > BigInt(maxTimerMs) * 1_000_000n) {
      throw new InvalidArgumentError(`It must be at most ${maxTimerMs}ms.`);
    }
    return value;
  };
}

/** A file's mode in octal. */
export function fileMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) {
    throw new InvalidArgumentError('It must be three octal digits, like 660.');
  }
  return Number.parseInt(text, 8);
}
