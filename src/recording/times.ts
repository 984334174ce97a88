import { DateTime } from 'luxon';
import { UdfError } from '../model/errors.js';
import { LocalTimes } from './local-time.js';

/** Units of numeric times, as InfluxDB 1.x has them. */
export const precisions = ['ns', 'us', 'ms', 's', 'm', 'h'] as const;
export type Precision = (typeof precisions)[number];

export const nanosecondsIn: Readonly<Record<Precision, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

export interface TimeOptions {
  /** The unit of numeric times: nanoseconds by default, seconds for the `timestamp` of Telegraf's JSON. */
  readonly precision?: Precision | undefined;
  /** How times are written, in Luxon's tokens: `dd.MM.yyyy HH:mm:ss`. By default numbers, and dates as in RFC 3339. */
  readonly timeFormat?: string | undefined;
  /** The IANA zone of dates without one: `Europe/Berlin`. */
  readonly timeZone?: string | undefined;
}

/** Nanoseconds since the epoch of a text: digits, or a date as RFC 3339 writes it. Throws `malformed`. */
export function parseTime(text: string): bigint {
  return defaultParser.parse(text);
}

const [year2000, year2100] = [946_684_800_000_000_000n, 4_102_444_800_000_000_000n];

/** Names the unit in which a number beyond the times is one of this century; empty if there is none. */
export function precisionHint(text: string): string {
  if (!/^\d{1,20}$/.test(text)) return '';
  const number = BigInt(text);
  const likely = precisions.find((unit) => {
    const time = number * nanosecondsIn[unit];
    return time >= year2000 && time < year2100;
  });
  return likely === undefined ? '' : `; if it is in ${likely}: --precision ${likely}`;
}

/** Parses the times of one file. */
export class TimeParser {
  readonly #unit: bigint;
  readonly #unitName: string;
  readonly #format: TimeFormat | undefined;
  readonly #local: LocalTimes | undefined;

  /** Throws `usage` for an invalid format, an unknown zone, and a format without a zone if `timeZone` is not set. */
  constructor({ precision, timeFormat, timeZone }: TimeOptions = {}) {
    this.#unit = nanosecondsIn[precision ?? 'ns'];
    this.#unitName = precision ?? 'nanoseconds';
    this.#local = timeZone === undefined ? undefined : new LocalTimes(timeZone);
    if (timeFormat === undefined) return;
    if (precision !== undefined) {
      throw new UdfError(
        'usage',
        '--precision is for times that are numbers, not for those of a --time-format',
      );
    }
    this.#format = new TimeFormat(timeFormat);
    if (!this.#format.hasZone && !this.#local) {
      throw new UdfError('usage', `the time format ${timeFormat} has no zone; name it: --time-zone UTC`);
    }
  }

  /**
   * Nanoseconds since the epoch. `seriesOf` identifies the series of the point, for a local time that a zone has twice. Throws
   * `malformed`, also for a local time that the zone skips.
   */
  parse(text: string, seriesOf?: () => string): bigint {
    const time = this.#format
      ? this.#formatted(this.#format, text, seriesOf)
      : (this.#number(text) ?? this.#date(text, seriesOf));
    if (BigInt.asIntN(64, time) === time) return time;
    throw new UdfError('malformed', `"${text}" is beyond what a time can be${precisionHint(text)}`);
  }

  /** Warnings for the user about the times parsed so far. */
  get warnings(): readonly string[] {
    return this.#local?.warnings ?? [];
  }

  /** A number in the unit, with as many decimals as nanoseconds allow; `undefined` if the text is not a number. */
  #number(text: string): bigint | undefined {
    const [, sign, whole, decimals] = /^(-?)(\d{1,20})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
    if (whole === undefined) return undefined;
    let time = BigInt(whole) * this.#unit;
    if (decimals !== undefined) {
      const scale = 10n ** BigInt(decimals.length);
      const fraction = BigInt(decimals) * this.#unit;
      if (fraction % scale !== 0n) {
        throw new UdfError(
          'malformed',
          `"${text}" has more decimals than ${this.#unitName} have nanoseconds`,
        );
      }
      time += fraction / scale;
    }
    return sign === '-' ? -time : time;
  }

  #date(text: string, seriesOf?: () => string): bigint {
    const [, year, month, day, hour, minute, second = '0', fraction = '', zone] = date.exec(text) ?? [];
    if (year === undefined) throw this.#notATime(text);
    const [Y, M, D, h, m, s] = [year, month, day, hour, minute, second].map(Number) as [
      ...[number, number, number, number, number, number],
    ]; // the pattern matches digits only
    const localMs = utcMs(Y, M, D, h, m, s);
    if (localMs === undefined)
      throw new UdfError('malformed', `"${text}" is not a valid time: that date or hour does not exist`);
    return BigInt(this.#zoned(localMs, zone, text, seriesOf)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
  }

  #zoned(localMs: number, zone: string | undefined, text: string, seriesOf?: () => string): number {
    if (zone === undefined) {
      if (this.#local) return localToUtc(this.#local, localMs, text, seriesOf);
      throw new UdfError('malformed', `"${text}" is a time without a zone; name it: --time-zone UTC`);
    }
    if (/^z$/i.test(zone)) return localMs;
    const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4))];
    if (hours > 23 || minutes > 59) throw this.#notATime(text);
    const offsetMs = (hours * 60 + minutes) * 60_000;
    return zone.startsWith('-') ? localMs + offsetMs : localMs - offsetMs;
  }

  #formatted(format: TimeFormat, text: string, seriesOf?: () => string): bigint {
    const { ms, nanoseconds } = format.parse(text);
    // Without a zone in the format, the constructor requires `timeZone`.
    const utcMs = format.hasZone ? ms : localToUtc(this.#local!, ms, text, seriesOf);
    return BigInt(utcMs) * 1_000_000n + nanoseconds;
  }

  #notATime(text: string): UdfError {
    return new UdfError(
      'malformed',
      `"${text}" is no time: neither ${this.#unitName} nor 2018-01-03T11:30:51.065Z`,
    );
  }
}

function localToUtc(local: LocalTimes, localMs: number, text: string, seriesOf?: () => string): number {
  const ms = local.toUtc(localMs, seriesOf);
  if (ms !== undefined) return ms;
  throw new UdfError(
    'malformed',
    `"${text}" does not exist in ${local.zone}: the clock is put forward over it`,
  );
}

/** RFC 3339, also with a space for the T, without seconds, and without a zone. */
const date = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?([Zz]|[+-]\d\d:\d\d)?$/;

/** Milliseconds since the epoch; `undefined` for a date or time of day that does not exist. */
function utcMs(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // Date rolls an impossible day over into the next month.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** A format in Luxon's tokens, with up to nine decimals of a second: Luxon itself drops all but three. */
class TimeFormat {
  readonly hasZone: boolean;
  readonly #format: string;
  readonly #parser: ReturnType<typeof DateTime.buildFormatParser>;
  /** Number of dots and commas up to the decimals; 0 if the format has no decimals. */
  readonly #separators: number;

  /** Throws `usage` if times cannot be parsed with it. */
  constructor(format: string) {
    this.#format = format;
    const tokens = format.replace(/'[^']*'/g, "''");
    this.hasZone = /[zZ]/.test(tokens);
    const decimals = /^[^]*?[.,](?=S|u)/.exec(tokens)?.[0] ?? '';
    this.#separators = decimals.replace(/[^.,]/g, '').length;
    this.#parser = DateTime.buildFormatParser(format, { locale: 'en-US' });
    const sample = DateTime.utc(2018, 11, 23, 11, 30, 51, 65).toFormat(format, { locale: 'en-US' });
    if (!/[yDFfdLMoW]/.test(tokens) || !this.#dateTime(sample).isValid) {
      throw new UdfError(
        'usage',
        `times cannot be read by the format ${format}; use Luxon's tokens such as "dd.MM.yyyy HH:mm:ss"`,
      );
    }
  }

  /** Milliseconds since the epoch, as if in UTC unless the text has a zone, and the nanoseconds beyond them. */
  parse(text: string): { readonly ms: number; readonly nanoseconds: bigint } {
    const { shortened, rest } = this.#cutDecimals(text);
    const dateTime = this.#dateTime(shortened);
    if (dateTime.isValid) return { ms: dateTime.toMillis(), nanoseconds: BigInt(rest.padEnd(6, '0')) };
    const why = dateTime.invalidReason === 'unit out of range' ? ': there is no such date or hour' : '';
    throw new UdfError('malformed', `"${text}" is no time of the format ${this.#format}${why}`);
  }

  #dateTime(text: string): DateTime {
    return DateTime.fromFormatParser(text, this.#parser, { zone: 'utc', locale: 'en-US' });
  }

  #cutDecimals(text: string): { readonly shortened: string; readonly rest: string } {
    let at = -1;
    for (let count = 0; count < this.#separators; count++) {
      const next = text.slice(at + 1).search(/[.,]/);
      if (next < 0) return { shortened: text, rest: '' };
      at += next + 1;
    }
    const digits = this.#separators === 0 ? '' : (/^\d{4,9}/.exec(text.slice(at + 1))?.[0] ?? '');
    if (digits === '') return { shortened: text, rest: '' };
    return { shortened: text.slice(0, at + 4) + text.slice(at + 1 + digits.length), rest: digits.slice(3) };
  }
}

const defaultParser = new TimeParser();

/** A time as Kapacitor writes it: RFC 3339 in UTC, with as many decimals as are needed. */
export function formatTime(time: bigint): string {
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const date = new Date(Number((time - nanoseconds) / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = nanoseconds === 0n ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`;
  return `${date}${fraction}Z`;
}
