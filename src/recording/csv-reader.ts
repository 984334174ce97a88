import { UdfError } from '../model/errors.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import {
  addAnnotation,
  type Annotations,
  isAnnotation,
  isResultHeader,
  parseResultHeader,
} from './csv-annotated.js';
import { type Cell, CsvRecords } from './csv-records.js';
import { HeaderSearch } from './header-search.js';
import { type CsvTable, isHeader, parseHeader } from './csv-table.js';
import { commaProblem, type CsvSettings } from './csv-values.js';
import { type BadEntries, portions } from './entries.js';
import type { PointMaker } from './point-maker.js';
import { type ReadOptions, timeColumnsOf } from './read-options.js';
import { TimeParser } from './times.js';

export interface CsvReading extends Pick<
  ReadOptions,
  | 'delimiter'
  | 'timeColumn'
  | 'tagColumns'
  | 'thousands'
  | 'measurement'
  | 'nullMarkers'
  | 'precision'
  | 'timeFormat'
  | 'timeZone'
  | 'onWarning'
> {
  readonly bad: BadEntries;
  readonly openQuoteTimeoutMs?: number | undefined;
}

/**
 * The points of CSV, or of InfluxDB's annotated CSV, which is recognized by its annotations or its column `_measurement`.
 * A file may hold several tables, each with its header; blank lines are ignored. If the time column is named, lines above the
 * header are left out, with a warning.
 */
export async function* readCsv(
  chunks: AsyncIterable<Buffer>,
  maker: PointMaker,
  reading: CsvReading,
): AsyncGenerator<readonly LazyPoint[]> {
  const records = new CsvRecords(reading.delimiter);
  const reader = new CsvReader(maker, reading);
  const take = (points: LazyPoint[]): void => {
    while (records.next()) {
      try {
        const point = reader.take(records);
        if (point) points.push(point);
      } catch (reason) {
        reading.bad.report(records.line, reason);
      }
    }
  };
  yield* portions(chunks, records, take, reading.openQuoteTimeoutMs);
  try {
    reader.finish();
  } catch (reason) {
    reading.bad.report(records.line, reason);
  }
  for (const warning of [...reader.warnings, ...reading.bad.warnings]) reading.onWarning?.(warning);
}

class CsvReader {
  readonly #maker: PointMaker;
  readonly #settings: CsvSettings;
  readonly #onWarning: ((warning: string) => void) | undefined;
  #table: CsvTable | undefined;
  #annotations: Annotations = new Map();
  /** Whether annotations wait for their header. */
  #isAnnotated = false;
  #isAfterBlank = true;
  /** Whether the header has blanks after its delimiters: then those of its records are trimmed too. */
  #isSpaced = false;
  /** Looks for the header; `undefined` once it is found, and if the first record must be it. */
  #search: HeaderSearch | undefined;
  #hasWarned = false;
  #hasWarnedOfComma = false;
  /** The line of the current record. */
  #line = 0;

  constructor(maker: PointMaker, reading: CsvReading) {
    this.#maker = maker;
    this.#onWarning = reading.onWarning;
    const timeColumns = timeColumnsOf(reading);
    this.#search = timeColumns && new HeaderSearch(timeColumns);
    this.#settings = {
      times: new TimeParser(reading),
      timeColumns,
      tagColumns: new Set(reading.tagColumns),
      thousands: reading.thousands,
      measurement: reading.measurement,
      nullMarkers: new Set(reading.nullMarkers?.map((marker) => marker.trim())),
      onComma: (field, text) => {
        this.#warnOfComma(field, text);
      },
    };
  }

  get warnings(): readonly string[] {
    return this.#settings.times.warnings;
  }

  /** The point of a record, if it holds one. Throws `malformed`. */
  take(record: CsvRecords): LazyPoint | undefined {
    this.#line = record.line;
    if (this.#search && this.#isAboveHeader(this.#search, record)) return undefined;
    if (record.problem) throw record.problem;
    if (this.#table && !this.#isAfterBlank && !isBlank(record.cells)) {
      if (!this.#isAnnotated) {
        return this.#point(this.#table, this.#isSpaced ? record.trimmedCells() : record.cells);
      }
    }
    const cells = record.trimmedCells();
    if (isBlank(cells)) {
      this.#isAfterBlank = true;
      return undefined;
    }
    const isStart = this.#isAfterBlank || !this.#table;
    this.#isAfterBlank = false;
    if ((isStart || this.#isAnnotated) && isAnnotation(cells)) {
      if (!this.#isAnnotated) this.#annotations = new Map();
      this.#isAnnotated = true;
      addAnnotation(this.#annotations, cells);
    } else if (!this.#table || this.#isAnnotated || (isStart && (isHeader(cells) || isResultHeader(cells)))) {
      this.#header(cells);
      this.#isSpaced = record.cells.some((cell, index) => cell?.startsWith(' ') && cells[index] !== cell);
    } else return this.#point(this.#table, this.#isSpaced ? cells : record.cells);
    return undefined;
  }

  /** Throws `malformed` if the file has no header, unless it is empty. */
  finish(): void {
    this.#search?.finish();
  }

  /** Whether a record is one of those above the header. Throws `malformed` if there is no header. */
  #isAboveHeader(search: HeaderSearch, record: CsvRecords): boolean {
    const cells = record.problem ?? record.trimmedCells();
    if (cells instanceof UdfError || !(isAnnotation(cells) || isResultHeader(cells))) {
      try {
        if (!search.isHeader(cells)) return true;
      } catch (reason) {
        this.#search = undefined;
        this.#table = refusedTable;
        throw reason;
      }
      const warning = search.warning(record.line);
      if (warning !== undefined) this.#onWarning?.(warning);
    }
    this.#search = undefined;
    return false;
  }

  #header(cells: readonly Cell[]): void {
    this.#table = refusedTable;
    const isResult = this.#isAnnotated || isResultHeader(cells);
    // Tables of one schema may repeat the header without its annotations.
    const isSameSchema = [...this.#annotations.values()].every((row) => row.length === cells.length);
    if (!this.#isAnnotated && !isSameSchema) this.#annotations = new Map();
    this.#isAnnotated = false;
    this.#table = isResult
      ? parseResultHeader(cells, this.#annotations, this.#settings)
      : parseHeader(cells, this.#settings);
  }

  #point(table: CsvTable, cells: readonly Cell[]): LazyPoint {
    const { name, tags, fields, time, database, retentionPolicy } = table.point(cells);
    if (!table.hasTime) this.#warnOfMissingTime(table);
    return this.#maker.point(name, tags, fields, time ?? this.#maker.now(), { database, retentionPolicy });
  }

  #warnOfComma(field: string, text: string): void {
    if (this.#hasWarnedOfComma) return;
    this.#hasWarnedOfComma = true;
    const column = JSON.stringify(field);
    const { isDecimal, remedy } = commaProblem(text);
    this.#onWarning?.(
      `${text} looks like a ${isDecimal ? 'decimal comma' : 'number with commas'} in column ${column}, line ${this.#line}: it is read as text; ${remedy}, or "string:${field}" in the header if it is text`,
    );
  }

  #warnOfMissingTime({ columns }: CsvTable): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const likely = columns.find((column) =>
      /^(?:.*:)?(?:_?time|time_?stamp|date|date_?time|ts|zeit)$/i.test(column),
    );
    const hint =
      likely === undefined ? '' : `; if ${JSON.stringify(likely)} holds it: --time-column ${likely}`;
    this.#onWarning?.(`no column is called "time": the points get the present as their time${hint}`);
  }
}

function isBlank(cells: readonly Cell[]): boolean {
  return cells.length === 1 && cells[0] === null;
}

/** Refuses every record below a malformed header. */
const refusedTable: CsvTable = {
  hasTime: true,
  columns: [],
  point: () => {
    throw new UdfError('malformed', 'the header above it is malformed');
  },
};
