import { UdfError } from '../model/errors.js';
import { nearestName } from '../model/text.js';
import { type Fields, type FieldValue, setEntry, type Tags } from '../model/values.js';
import type { Cell } from './csv-records.js';
import { cellValue, type CsvSettings, type FieldKind, presentText } from './csv-values.js';
import { seriesKey } from './local-time.js';

/** The point of a CSV record. */
export interface CsvPoint {
  readonly name: string;
  readonly time: bigint | undefined;
  readonly database?: string | undefined;
  readonly retentionPolicy?: string | undefined;
  readonly tags: Tags;
  readonly fields: Fields;
}

/** A header, and how to parse the records below it. */
export interface CsvTable {
  /** Whether it has the column or columns of the time. */
  readonly hasTime: boolean;
  readonly columns: readonly string[];
  /** The point of one record. Throws `malformed`. */
  point(cells: readonly Cell[]): CsvPoint;
}

type HeadName = 'time' | 'name' | 'database' | 'retentionPolicy';

interface Column {
  readonly kind: 'head' | 'tag' | FieldKind;
  readonly name: string;
}

const heads: ReadonlyMap<string, HeadName> = new Map([
  ['name', 'name'],
  ['measurement', 'name'],
  ['database', 'database'],
  ['retentionPolicy', 'retentionPolicy'],
]);

const prefixes: ReadonlyMap<string, Column['kind']> = new Map([
  ['tag', 'tag'],
  ['double', 'double'],
  ['int', 'int'],
  ['string', 'string'],
  ['bool', 'bool'],
  ['field', 'any'],
]);

/** Type names of other programs, for suggestions. */
const otherNames: ReadonlyMap<string, FieldKind> = new Map([
  ['float', 'double'],
  ['number', 'double'],
  ['integer', 'int'],
  ['long', 'int'],
  ['text', 'string'],
  ['boolean', 'bool'],
]);

/**
 * The table that a header begins. Its columns are `time`, `name` (or `measurement`), `database`, `retentionPolicy`,
 * `tag:host`, and fields with their types: `double:usage`, `int:count`, `string:state`, `bool:on`. Without a
 * prefix, or with `field:`, a field's type is inferred from each value.
 *
 * If the time columns are named, the file is of another program: columns at the end of the header may then lack their cells, if they do in
 * the first record too.
 *
 * Throws `malformed` for a column that is unknown, empty or given twice, and for a header without a name column
 * or without a requested column.
 */
export function parseHeader(cells: readonly Cell[], settings: CsvSettings): CsvTable {
  const names = columnNames(cells);
  const timeColumns = settings.timeColumns ?? ['time'];
  const columns = names.map((name): Column => parseColumn(name, timeColumns, settings.tagColumns));
  const [head, ...more] = columns.filter(({ kind, name }) => kind === 'head' && name === 'name');
  if (!head && settings.measurement === undefined)
    throw new UdfError(
      'malformed',
      `the header has no column "name" (or "measurement")${delimiterHint(names)}; without one, name it with --measurement`,
    );
  if (more.length > 0) throw new UdfError('malformed', 'both "name" and "measurement" are columns');
  const times = timeIndexes(names, settings);
  for (const name of settings.tagColumns) requireColumn(names, name, '--tag-column');
  let width = settings.timeColumns === undefined ? names.length : undefined;
  return {
    hasTime: times.length > 0,
    columns: names,
    point: (record) => {
      width ??= Math.min(record.length, names.length);
      if (record.length !== width) checkLength(record, names);
      return parseRecord(columns, times, record, settings);
    },
  };
}

/** The columns of the time, in their order; none if the header has no default one. Throws `malformed` for one that is missing. */
export function timeIndexes(
  names: readonly string[],
  { timeColumns }: CsvSettings,
  byDefault = 'time',
): readonly number[] {
  if (timeColumns) return timeColumns.map((name) => requireColumn(names, name, '--time-column'));
  return names.includes(byDefault) ? [names.indexOf(byDefault)] : [];
}

function requireColumn(names: readonly string[], name: string, flag: string): number {
  const index = names.indexOf(name);
  if (index >= 0) return index;
  throw new UdfError('malformed', `the header has no column ${JSON.stringify(name)} for ${flag}`);
}

/** Whether a record below a blank line is the header of a new table, and not one more of the old table. */
export function isHeader(cells: readonly Cell[]): boolean {
  return cells.some((cell) => cell !== null && heads.get(cell) === 'name');
}

/** The names of a header's columns. Throws `malformed` if one is empty or given twice. */
export function columnNames(cells: readonly Cell[], isUnnamedFirst = false): readonly string[] {
  const names = cells.map((cell) => cell ?? '');
  names.forEach((name, index) => {
    if (name === '' && !(isUnnamedFirst && index === 0)) {
      throw new UdfError('malformed', `column ${index + 1} of the header has no name`);
    }
    if (names.indexOf(name) < index) {
      throw new UdfError('malformed', `the column ${JSON.stringify(name)} is given twice`);
    }
  });
  return names;
}

/** Throws `malformed` unless a record has a cell for each column. */
export function checkLength(cells: readonly Cell[], columns: readonly unknown[]): void {
  if (cells.length === columns.length) return;
  throw new UdfError('malformed', `it has ${cells.length} cells; the header has ${columns.length}`);
}

function parseColumn(cell: string, timeColumns: readonly string[], tagColumns: ReadonlySet<string>): Column {
  if (timeColumns.includes(cell)) return { kind: 'head', name: 'time' };
  if (tagColumns.has(cell)) return { kind: 'tag', name: cell };
  const head = heads.get(cell);
  if (head !== undefined) return { kind: 'head', name: head };
  const colon = cell.indexOf(':');
  if (colon < 0) return { kind: 'any', name: cell };
  const kind = prefixes.get(cell.slice(0, colon));
  if (kind === undefined) throw unknownPrefix(cell, cell.slice(0, colon));
  const name = cell.slice(colon + 1);
  if (name === '')
    throw new UdfError('malformed', `the column ${JSON.stringify(cell)} has no name behind its colon`);
  return { kind, name };
}

/** A misspelt prefix would silently become part of a field's name. */
function unknownPrefix(cell: string, prefix: string): UdfError {
  const known = [...prefixes.keys()];
  const near = nearestName(prefix, [...known, ...otherNames.keys()]);
  const meant = near === undefined ? '' : ` (did you mean ${otherNames.get(near) ?? near}:?)`;
  return new UdfError(
    'malformed',
    `the column ${JSON.stringify(cell)} has an unknown prefix${meant}; the known ones are ${known.map((name) => `${name}:`).join(', ')}, and ${JSON.stringify(`field:${cell}`)} is a field of that name`,
  );
}

function delimiterHint(names: readonly string[]): string {
  const other = names.length === 1 ? /[;\t|]/.exec(names[0]!)?.[0] : undefined; // a header has at least one
  return other === undefined
    ? ''
    : `; if ${JSON.stringify(other)} separates its cells, set it with --delimiter`;
}

function parseRecord(
  columns: readonly Column[],
  times: readonly number[],
  cells: readonly Cell[],
  settings: CsvSettings,
): CsvPoint {
  const head: Partial<Record<HeadName, string>> = {};
  const tags: Record<string, string> = {};
  const fields: Record<string, FieldValue> = {};
  columns.forEach(({ kind, name }, index) => {
    const cell = presentText(cells[index], settings);
    if (cell === undefined) return;
    if (kind === 'head') head[name as HeadName] = cell;
    else if (kind === 'tag') {
      if (cell !== '') setUnique(tags, 'tag', name, cell);
    } else {
      const value = cellValue(kind, name, cell, settings);
      if (value !== undefined) setUnique(fields, 'field', name, value);
    }
  });
  const pointName = head.name ?? settings.measurement;
  if (!pointName) throw new UdfError('malformed', 'it has no name');
  const text = timeText(times, cells, settings);
  const time =
    text === undefined ? undefined : settings.times.parse(text, () => seriesKey(pointName, tags, fields));
  return { ...head, name: pointName, time, tags, fields };
}

/** The text of a record's time; `undefined` if there is no column for it. Throws `malformed` if a cell of it is empty. */
export function timeText(
  times: readonly number[],
  cells: readonly Cell[],
  settings: CsvSettings,
): string | undefined {
  if (times.length === 0) return undefined;
  return times
    .map((index) => {
      const text = presentText(cells[index], settings)?.trim() ?? '';
      if (text === '') throw new UdfError('malformed', 'it has no time');
      return text;
    })
    .join(' ');
}

/** Several typed columns may share a field, but only one of them may have a value in a record. */
function setUnique<Value>(record: Record<string, Value>, what: string, name: string, value: Value): void {
  if (Object.hasOwn(record, name)) throw new UdfError('malformed', `${what} "${name}" is given twice`);
  setEntry(record, name, value);
}
