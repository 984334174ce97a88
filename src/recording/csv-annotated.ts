import { UdfError } from '../model/errors.js';
import { type FieldValue, setEntry } from '../model/values.js';
import type { Cell } from './csv-records.js';
import {
  checkLength,
  columnNames,
  type CsvPoint,
  type CsvTable,
  timeIndexes,
  timeText,
} from './csv-table.js';
import { cellValue, type CsvSettings, type FieldKind, presentText } from './csv-values.js';

const annotationNames = ['#group', '#datatype', '#default'] as const;
type AnnotationName = (typeof annotationNames)[number];

/** The rows above a header of InfluxDB 2.x: by name, a cell for each column. */
export type Annotations = Map<AnnotationName, readonly Cell[]>;

const kinds: ReadonlyMap<string, FieldKind> = new Map([
  ['string', 'string'],
  ['long', 'int'],
  ['unsignedLong', 'int'],
  ['double', 'double'],
  ['boolean', 'bool'],
  ['duration', 'string'],
  ['base64Binary', 'string'],
  ['dateTime:RFC3339', 'string'],
  ['dateTime:RFC3339Nano', 'string'],
]);

/** Columns of a query's result that are no part of a point. */
const resultColumns: ReadonlySet<string> = new Set(['', 'result', 'table', '_start', '_stop']);

interface Column {
  readonly name: string;
  readonly kind: FieldKind;
  readonly isTag: boolean;
  readonly default: Cell;
  readonly index: number;
}

/** Whether a record is an annotation and not data. */
export function isAnnotation(cells: readonly Cell[]): boolean {
  return cells[0]?.startsWith('#') ?? false;
}

/** Adds an annotation. Throws `malformed` if it is unknown. */
export function addAnnotation(annotations: Annotations, cells: readonly Cell[]): void {
  const name = cells[0]!; // the caller has checked it with `isAnnotation`
  const known = annotationNames.find((annotation) => annotation === name);
  if (known === undefined) {
    throw new UdfError(
      'malformed',
      `the annotation ${JSON.stringify(name)} is unknown; known are ${annotationNames.join(', ')}`,
    );
  }
  annotations.set(known, cells);
}

/** Whether a header is one of a query's result, with annotations or without. */
export function isResultHeader(cells: readonly Cell[]): boolean {
  return cells.includes('_measurement');
}

/**
 * The table that a header of InfluxDB's annotated CSV begins. A record is a point: the field `_field` with the value
 * `_value`, or one field for each column if the result was pivoted. Text columns are tags; in a pivoted
 * result, those of the group key are. Types are those of `#datatype`, else inferred from the values.
 *
 * Throws `malformed` for a result without `_measurement`, an unknown data type, and a result that is an error.
 */
export function parseResultHeader(
  cells: readonly Cell[],
  annotations: Annotations,
  settings: CsvSettings,
): CsvTable {
  const names = columnNames(cells, true);
  for (const row of annotations.values()) checkLength(row, names);
  if (names.includes('error') && !names.includes('_measurement')) return errorTable(names);
  const measurement = indexOf(names, '_measurement');
  const times = timeIndexes(names, settings, '_time');
  const isLong = names.includes('_field') || names.includes('_value');
  const [fieldIndex, valueIndex] = isLong ? [indexOf(names, '_field'), indexOf(names, '_value')] : [-1, -1];
  const groups = annotations.get('#group');
  const columns = names.map((name, index): Column => {
    const kind = kindOf(name, annotations.get('#datatype')?.[index] ?? undefined, index);
    const isText = kind === 'string' || kind === 'any';
    const isTag = isLong || !groups ? isText : groups[index] === 'true';
    return { name, kind, isTag, default: annotations.get('#default')?.[index] ?? null, index };
  });
  const rest = columns.filter(
    ({ name, index }) =>
      !resultColumns.has(name) && ![measurement, ...times, fieldIndex, valueIndex].includes(index),
  );

  const point = (record: readonly Cell[]): CsvPoint => {
    checkLength(record, names);
    const textAt = (index: number): string | undefined =>
      presentText(record[index] ?? columns[index]?.default, settings);
    const name = textAt(measurement);
    if (!name) throw new UdfError('malformed', 'it has no measurement');
    const tags: Record<string, string> = {};
    const fields: Record<string, FieldValue> = {};
    const addField = (key: string, { kind, index }: Column): void => {
      const text = textAt(index);
      const value = text === undefined ? undefined : cellValue(kind, key, text, settings);
      if (value !== undefined) setEntry(fields, key, value);
    };
    for (const column of rest) {
      const tag = column.isTag ? textAt(column.index) : undefined;
      if (!column.isTag) addField(column.name, column);
      else if (tag) setEntry(tags, column.name, tag);
    }
    if (isLong) {
      const key = textAt(fieldIndex);
      if (!key) throw new UdfError('malformed', 'its field has no name');
      addField(key, columns[valueIndex]!); // `indexOf` has found it
    }
    const withDefaults = record.map((cell, index) => cell ?? columns[index]!.default); // as long as the header
    const text = timeText(times, withDefaults, settings);
    return { name, time: text === undefined ? undefined : settings.times.parse(text), tags, fields };
  };
  return { hasTime: times.length > 0, columns: names, point };
}

/** The table of a failed query, which holds an error instead of points. */
function errorTable(names: readonly string[]): CsvTable {
  return {
    hasTime: true,
    columns: names,
    point: (record) => {
      throw new UdfError(
        'malformed',
        `the query failed: ${record[names.indexOf('error')] ?? 'no reason is given'}`,
      );
    },
  };
}

function indexOf(names: readonly string[], name: string): number {
  const index = names.indexOf(name);
  if (index < 0) throw new UdfError('malformed', `the header has no column ${JSON.stringify(name)}`);
  return index;
}

function kindOf(name: string, datatype: string | undefined, index: number): FieldKind {
  if (datatype === undefined || index === 0) return 'any';
  const kind = kinds.get(datatype);
  if (kind === undefined) {
    const known = [...kinds.keys()].join(', ');
    throw new UdfError(
      'malformed',
      `the data type ${JSON.stringify(datatype)} of the column "${name}" is unknown; known are ${known}`,
    );
  }
  return kind;
}
