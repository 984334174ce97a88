import { UdfError } from '../../model/errors.js';
import type { FieldInputs } from '../../model/values.js';
import { qualities } from './codes.js';
import { integer, notNumber, type ReadingType } from './reading-type.js';

/** An `IntervalReading`. Its numbers stay text until they are scaled. */
export interface Reading {
  /** Start of the interval, nanoseconds since the epoch. */
  readonly time: bigint;
  /** Seconds, if given. */
  readonly duration: bigint | undefined;
  readonly value: string;
  readonly cost: string | undefined;
  readonly quality: string | undefined;
  /** Time-of-use bucket, critical peak period and consumption tier, where given. */
  readonly periods: Readonly<Record<string, bigint>> | undefined;
}

/** Elements of an `IntervalReading` that become fields as they are. */
const periodElements = ['tou', 'cpp', 'consumptionTier'] as const;

export const readingElements: ReadonlySet<string> = new Set(['value', 'cost', ...periodElements]);

const maxSeconds = 9_223_372_036n;

/** Interprets an `IntervalReading`, given the texts of its elements. Throws `malformed`. */
export function parseReading(texts: ReadonlyMap<string, string>, qualityCodes: readonly string[]): Reading {
  const value = decimal('value', texts.get('value'));
  if (value === undefined) throw new UdfError('malformed', 'the IntervalReading has no value');
  const start = seconds('start', texts.get('start'));
  if (start === undefined) throw new UdfError('malformed', 'the IntervalReading has no start (timePeriod)');
  const duration = seconds('duration', texts.get('duration'));
  if (duration !== undefined && duration < 0n) throw notNumber('duration', String(duration), 'from 0');
  const cost = decimal('cost', texts.get('cost'));
  let periods: Record<string, bigint> | undefined;
  for (const name of periodElements) {
    const number = integer(name, texts.get(name));
    if (number !== undefined) (periods ??= {})[name] = BigInt(number);
  }
  return { time: start * 1_000_000_000n, duration, value, cost, quality: qualityOf(qualityCodes), periods };
}

/** Several flags are joined in their own order. */
function qualityOf(texts: readonly string[]): string | undefined {
  if (texts.length === 0) return undefined;
  return texts.map((text) => qualities.get(integer('quality', text) ?? -1) ?? text).join(', ');
}

function seconds(element: string, text: string | undefined): bigint | undefined {
  if (text === undefined || text === '') return undefined;
  const wanted = 'seconds since 1970 (UTC) before the year 2262';
  if (!/^[+-]?\d{1,15}$/.test(text)) throw notNumber(element, text, wanted);
  const number = BigInt(text.replace('+', ''));
  if (number > maxSeconds || number < -maxSeconds) throw notNumber(element, text, wanted);
  return number;
}

function decimal(element: string, text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[+-]?\d{1,40}(?:\.\d{1,40})?$/.test(text)) throw notNumber(element, text, 'a number');
  return text;
}

/** ESPI gives costs in hundred thousandths of the currency. */
const costPower = -5;

/** The fields of a reading's point. A value is the double nearest to the exact product. */
export function fieldsOf(reading: Reading, { powerOfTen, intervalLength }: ReadingType): FieldInputs {
  const duration = reading.duration ?? intervalLength;
  return {
    value: scaled(reading.value, powerOfTen),
    ...(duration !== undefined && { duration }),
    ...(reading.cost !== undefined && { cost: scaled(reading.cost, costPower) }),
    ...(reading.quality !== undefined && { quality: reading.quality }),
    ...reading.periods,
  };
}

/** Parsed as one decimal number: multiplying by a power of ten would round twice. */
function scaled(text: string, powerOfTen: number): number {
  return Number(`${text}e${powerOfTen}`);
}
