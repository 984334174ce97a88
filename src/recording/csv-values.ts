import { UdfError } from '../model/errors.js';
import type { FieldValue } from '../model/values.js';
import type { Cell } from './csv-records.js';
import { int64 } from './line-number.js';
import type { TimeParser } from './times.js';

export type FieldKind = 'double' | 'int' | 'string' | 'bool' | 'any';

/** Settings that hold for all tables of a file. */
export interface CsvSettings {
  readonly times: TimeParser;
  /** The columns whose cells, joined by a space, are the time; `undefined` for the default. */
  readonly timeColumns: readonly string[] | undefined;
  /** Columns that are tags though they have no prefix. */
  readonly tagColumns: ReadonlySet<string>;
  /** The character between the thousands of numbers. */
  readonly thousands: string | undefined;
  /** Of records in tables without a column for it. */
  readonly measurement: string | undefined;
  readonly nullMarkers: ReadonlySet<string>;
  /** Called for a number with commas that is read as text, with its field and the number. */
  readonly onComma: (field: string, text: string) => void;
}

/** A number as it is written where the comma parts the decimals, with or without dots between thousands. */
const decimalComma = /^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+(?:[eE][+-]?\d+)?$/;
/** A number as it is written where the comma parts the thousands. */
const thousandsComma = /^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$/;
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

/** Parses a field's value; `undefined` for empty quotes unless the type is text. Throws `malformed`. */
export function cellValue(
  kind: FieldKind,
  name: string,
  cell: string,
  settings: CsvSettings,
): FieldValue | undefined {
  if (kind === 'string') return cell;
  const text = withoutThousands(cell.trim(), settings.thousands);
  if (kind === 'any') {
    if (decimalComma.test(text) || thousandsComma.test(text)) settings.onComma(name, text);
    return anyValue(name, cell, text);
  }
  if (text === '') return undefined;
  const value = kind === 'double' ? doubleOf(name, text) : kind === 'bool' ? boolOf(text) : intOf(name, text);
  if (value !== undefined) return value;
  const { isDecimal, remedy } = commaProblem(text);
  const hint =
    kind === 'bool' || remedy === '' ? '' : ` has ${isDecimal ? 'a decimal comma' : 'commas'}; ${remedy}`;
  throw new UdfError('malformed', `field "${name}" is no ${kind}: ${JSON.stringify(cell)}${hint}`);
}

/** What commas in a number mean, most likely, and what to do. */
export function commaProblem(text: string): { readonly isDecimal: boolean; readonly remedy: string } {
  const isDecimal = decimalComma.test(text);
  const remedies = [
    ...(isDecimal ? ['write a dot'] : []),
    ...(thousandsComma.test(text) ? ['set --thousands , if it parts thousands'] : []),
  ];
  return { isDecimal, remedy: remedies.join(', or ') };
}

/** A number without the separators between its thousands; any other text as it is. */
function withoutThousands(text: string, separator: string | undefined): string {
  if (separator === undefined || !text.includes(separator)) return text;
  const [, sign = '', whole = '', rest = ''] = /^([+-]?)(\d[^.]*?)((?:\.\d*)?i?)$/.exec(text) ?? [];
  const groups = whole.split(separator);
  const isGrouped = groups.every((digits, index) =>
    index === 0 ? /^\d{1,3}$/.test(digits) : /^\d{3}$/.test(digits),
  );
  return isGrouped ? sign + groups.join('') + rest : text;
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
