import { UdfError } from '../model/errors.js';
import type { FieldValue } from '../model/values.js';
import type { Cell } from './csv-records.js';
import { int64 } from './line-number.js';
import type { TimeParser } from './times.js';

export type FieldKind = 'double' | 'int' | 'string' | 'bool' | 'any';

/** Settings that hold for all tables of a file. */
export interface CsvSettings {
  readonly times: TimeParser;
  readonly timeColumn: string | undefined;
  /** Of records in tables without a column for it. */
  readonly measurement: string | undefined;
  readonly nullMarkers: ReadonlySet<string>;
  /** Called for a number with a decimal comma that is read as text, with its field and the number. */
  readonly onDecimalComma: (field: string, text: string) => void;
}

/** A number as it is written where the comma parts the decimals, with or without dots between thousands. */
const decimalComma = /^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+(?:[eE][+-]?\d+)?$/;
const double = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const special: ReadonlyMap<string, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['+Inf', Infinity],
  ['-Inf', -Infinity],
]);

/** A cell's text; `undefined` if it is empty or stands for a missing value. */
export function presentText(cell: Cell | undefined, { nullMarkers }: CsvSettings): string | undefined {
  if (cell === null || cell === undefined) return undefined;
  return nullMarkers.size > 0 && nullMarkers.has(cell.trim()) ? undefined : cell;
}

/** Parses a cell's time, in nanoseconds since the epoch. Throws `malformed`. */
export function cellTime(cell: string, { times }: CsvSettings): bigint {
  return times.parse(cell.trim());
}

/** Parses a field's value; `undefined` for empty quotes unless the type is text. Throws `malformed`. */
export function cellValue(
  kind: FieldKind,
  name: string,
  cell: string,
  settings: CsvSettings,
): FieldValue | undefined {
  if (kind === 'string') return cell;
  const text = cell.trim();
  if (kind === 'any') {
    if (decimalComma.test(text)) settings.onDecimalComma(name, text);
    return anyValue(name, cell, text);
  }
  if (text === '') return undefined;
  const value = kind === 'double' ? doubleOf(name, text) : kind === 'bool' ? boolOf(text) : intOf(name, text);
  if (value !== undefined) return value;
  const hint = kind !== 'bool' && decimalComma.test(text) ? ' has a decimal comma; write a dot' : '';
  throw new UdfError('malformed', `field "${name}" is no ${kind}: ${JSON.stringify(cell)}${hint}`);
}

/** A value whose type is inferred from its form: `5i`, `0.5`, `true`, else text. */
function anyValue(name: string, cell: string, text: string): FieldValue {
  if (/^-?\d+i$/.test(text)) return intOf(name, text.slice(0, -1))!; // matches its pattern
  return boolOf(text) ?? doubleOf(name, text) ?? cell;
}

function doubleOf(name: string, text: string): number | undefined {
  if (!double.test(text)) return special.get(text);
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  throw new UdfError('malformed', `field "${name}" is beyond what a double holds: ${text}`);
}

function intOf(name: string, text: string): bigint | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const value = int64(text);
  if (value !== undefined) return value;
  throw new UdfError('malformed', `field "${name}" is beyond 64 bits: ${text}`);
}

function boolOf(text: string): boolean | undefined {
  return /^(?:true|false)$/i.test(text) ? text.toLowerCase() === 'true' : undefined;
}
