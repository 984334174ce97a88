import { InvalidArgumentError, Option } from 'commander';
import { parseHttpAddress } from '../host/http/address.js';
import { maxTimerMs, parseDuration } from '../model/duration.js';
import { messageOf } from '../model/errors.js';

/** A whole number from `min`, up to `max` if given. */
export function count(min: number, max?: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < min || value > (max ?? value)) {
      const range = max === undefined ? `from ${min}` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(`It must be a whole number ${range}.`);
    }
    return value;
  };
}

/** A number above 0, such as `250` or `0.5`. */
export function positiveNumber(text: string): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
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

/** An option for a limit in bytes, at least `min`: below it nothing could work. */
export function byteLimitOption(flag: string, defaultBytes: number, doc: string, min = '1KiB'): Option {
  return new Option(`${flag} <size>`, doc)
    .default(defaultBytes, formatByteSize(defaultBytes))
    .argParser((text) => {
      const bytes = byteSize(text);
      if (bytes < byteSize(min)) throw new InvalidArgumentError(`It must be at least ${min}.`);
      return bytes;
    });
}

/** A duration as a TICKscript writes it, at least `min`. */
export function duration(min: string): (text: string) => bigint {
  return (text) => {
    let value;
    try {
      value = parseDuration(text);
    } catch (reason) {
      throw new InvalidArgumentError(messageOf(reason));
    }
    if (value < parseDuration(min)) throw new InvalidArgumentError(`It must be at least ${min}.`);
    return value;
  };
}

/** A duration that a timer can wait, at least `min`. */
export function timerDuration(min: string): (text: string) => bigint {
  const parse = duration(min);
  return (text) => {
    const value = parse(text);
    if (value > BigInt(maxTimerMs) * 1_000_000n) {
      throw new InvalidArgumentError(`It must be at most ${maxTimerMs}ms.`);
    }
    return value;
  };
}

/** An address to serve HTTP at. */
export function httpAddress(text: string): string {
  try {
    parseHttpAddress(text);
  } catch (reason) {
    throw new InvalidArgumentError(messageOf(reason));
  }
  return text;
}

/** A text that is not empty. */
export function nonEmpty(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/** Values given one by one or with commas between, as Kafka's own tools take them; none of them empty. */
export function listOf(what: string): (text: string, previous?: readonly string[]) => readonly string[] {
  return (text, previous = []) => {
    const values = text.split(',').map((value) => value.trim());
    if (values.includes(''))
      throw new InvalidArgumentError(`Write ${what}, one by one or with commas between.`);
    return [...previous, ...values];
  };
}

/** A file's mode in octal. */
export function fileMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) {
    throw new InvalidArgumentError('It must be three octal digits, like 660.');
  }
  return Number.parseInt(text, 8);
}

/** `*`, or tags with commas between. */
export function tagList(text: string): readonly string[] | '*' {
  if (text === '*') return '*';
  const tags = text === '' ? [] : text.split(',').map((tag) => tag.trim());
  if (tags.includes('')) throw new InvalidArgumentError("Write it as host,region, or '*'.");
  return tags;
}

/** How many times faster than recorded. */
export function replaySpeed(text: string): number {
  if (text === 'max') return Infinity;
  if (text === 'real') return 1;
  const factor = /^\d+(?:\.\d+)?x$/.test(text) ? Number(text.slice(0, -1)) : 0;
  if (factor > 0) return factor;
  throw new InvalidArgumentError('It must be max, real, or a factor like 60x.');
}
