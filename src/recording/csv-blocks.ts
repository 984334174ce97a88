import { UdfError } from '../model/errors.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { type CsvReading, readCsv } from './csv-reader.js';
import { type Cell, CsvRecords } from './csv-records.js';
import { NoFieldsError, portions } from './entries.js';
import { seriesKey } from './local-time.js';
import type { PointMaker } from './point-maker.js';
import { TimeParser } from './times.js';

/** The first cell of such a file. */
const firstCell = 'energy usage information';
const maxStartBytes = 100;

/** Directions by what the header of a block calls its energy. */
const directions = new Map([
  ['delivered', 'forward'],
  ['consumption', 'forward'],
  ['received', 'reverse'],
  ['generation', 'reverse'],
]);

const header = /^energy (\S+) time period$/;
const period = /^(\S+ \S+) to (\S+ \S+)$/;

/**
 * The points of CSV: of blocks if it begins as such a file and no option names its columns or times, else as `readCsv` reads it.
 */
export async function* readAnyCsv(
  chunks: AsyncIterable<Buffer>,
  maker: PointMaker,
  reading: CsvReading,
): AsyncGenerator<readonly LazyPoint[]> {
  const { timeColumn, timeFormat, tagColumns, delimiter } = reading;
  if ([timeColumn, timeFormat, tagColumns, delimiter].some((option) => option !== undefined)) {
    yield* readCsv(chunks, maker, reading);
    return;
  }
  const source = chunks[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  let isDone = false;
  while (start.length < maxStartBytes && !start.includes('\n') && !isDone) {
    const next = await source.next();
    if (next.done) isDone = true;
    else start = Buffer.concat([start, next.value]);
  }
  const whole = async function* (): AsyncGenerator<Buffer> {
    try {
      yield start;
      for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
    } finally {
      await source.return?.();
    }
  };
  yield* (beginsWithBlocks(start) ? readBlocks : readCsv)(whole(), maker, reading);
}

/** Whether a CSV file begins as those of Southern California Edison, in which each day is a table for each direction. */
function beginsWithBlocks(start: Buffer): boolean {
  const [, text = ''] = /^\uFEFF?"?([^,"\r\n]*)/.exec(start.toString('utf8', 0, maxStartBytes)) ?? [];
  return plain(text) === firstCell;
}

/**
 * Yields the readings of such a file as points of the shape that Green Button feeds give: at the start of the interval, with its
 * `duration`, a `value` in kWh, and tags for the direction and the location that the file names.
 */
async function* readBlocks(
  chunks: AsyncIterable<Buffer>,
  maker: PointMaker,
  reading: CsvReading,
): AsyncGenerator<readonly LazyPoint[]> {
  const records = new CsvRecords();
  const reader = new BlockReader(maker, reading);
  const take = (points: LazyPoint[]): void => {
    while (records.next()) {
      try {
        if (records.problem) throw records.problem;
        const point = reader.take(records.trimmedCells());
        if (point) points.push(point);
      } catch (reason) {
        reading.bad.report(records.line, reason);
      }
    }
  };
  yield* portions(chunks, records, take, reading.openQuoteTimeoutMs);
  for (const warning of [...reader.warnings, ...reading.bad.warnings]) reading.onWarning?.(warning);
}

class BlockReader {
  readonly #maker: PointMaker;
  readonly #measurement: string;
  readonly #times: TimeParser;
  #location: string | undefined;
  /** Of the block; undefined before the first. */
  #direction: string | undefined;

  constructor(maker: PointMaker, { measurement, precision, timeZone }: CsvReading) {
    this.#maker = maker;
    this.#measurement = measurement ?? 'interval_reading';
    this.#times = new TimeParser({ precision, timeZone });
  }

  get warnings(): readonly string[] {
    return this.#times.warnings;
  }

  /** The point of a record, if it is a reading. Throws `malformed`. */
  take(cells: readonly Cell[]): LazyPoint | undefined {
    const [first, usage, quality] = cells.map((cell) => cell ?? '');
    const text = (first ?? '').replace(/\s+/gu, ' ');
    const [, start, end] = period.exec(text) ?? [];
    if (start !== undefined && end !== undefined)
      return this.#reading(start, end, usage ?? '', quality ?? '');
    const [, energy] = header.exec(plain(text)) ?? [];
    if (energy !== undefined) this.#begin(energy, plain(usage ?? ''));
    else if (/^for location:/i.test(text)) this.#location = text.slice(text.indexOf(':') + 1).trim();
    else if (usage !== undefined && usage !== '') {
      throw new UdfError(
        'malformed',
        `${JSON.stringify(text.slice(0, 60))} is neither a period nor a header`,
      );
    }
    return undefined;
  }

  #begin(energy: string, unit: string): void {
    this.#direction = undefined;
    const direction = directions.get(energy);
    if (direction === undefined) {
      const known = [...directions.keys()].join(', ');
      throw new UdfError('malformed', `the header's energy "${energy}" is unknown; known are ${known}`);
    }
    if (!unit.includes('kilowatt-hours')) {
      throw new UdfError('malformed', 'the header does not say that the usage is in kilowatt-hours');
    }
    this.#direction = direction;
  }

  #reading(start: string, end: string, usage: string, quality: string): LazyPoint {
    if (this.#direction === undefined) {
      throw new UdfError('malformed', 'it belongs to no header that could be read');
    }
    if (usage === '') throw new NoFieldsError();
    if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(usage)) {
      throw new UdfError('malformed', `its usage ${JSON.stringify(usage.slice(0, 40))} is no number`);
    }
    const tags = {
      ...(this.#location !== undefined && this.#location !== '' && { location: this.#location }),
      unit: 'kWh',
      flow_direction: this.#direction,
      commodity: 'electricity',
    };
    const fields = {
      value: Number(usage),
      duration: durationOf(start, end),
      ...(quality !== '' && { quality }),
    };
    const time = this.#times.parse(start, () => seriesKey(this.#measurement, tags, { value: 0 }));
    return this.#maker.point(this.#measurement, tags, fields, time, {});
  }
}

const localTimes = new TimeParser({ timeZone: 'UTC' });
const hour = 3_600n;

/** The seconds of an interval by its local times, between which the clock may be changed by an hour. Throws `malformed`. */
function durationOf(start: string, end: string): bigint {
  const seconds = (localTimes.parse(end) - localTimes.parse(start)) / 1_000_000_000n;
  const duration = seconds <= 0n ? seconds + hour : seconds > hour ? seconds - hour : seconds;
  if (duration > 0n && duration <= hour) return duration;
  throw new UdfError('malformed', `its period from ${start} to ${end} is not within an hour`);
}

/** In small letters, with single blanks. */
function plain(text: string): string {
  return text.replace(/\s+/gu, ' ').trim().toLowerCase();
}
