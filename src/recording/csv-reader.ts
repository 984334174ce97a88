import { UdfError } from '../model/errors.js';
import { nearestName } from '../model/text.js';
import { type Fields, type FieldValue, setEntry, type Tags } from '../model/values.js';
import { type Cell, CsvRecords } from './csv-records.js';
import { parseTime } from './times.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { type BadEntries, portions } from './entries.js';
import type { PointMaker } from './point-maker.js';
import type { Chunks } from './read-lines.js';

/**
 * What a column holds. The header says it: `time`, `name` (or `measurement`), `database`, `retentionPolicy`, `tag:host`,
 * and a field with its type, `double:usage`, `int:count`, `string:state`, `bool:on`. A column without a prefix, or with
 * `field:`, is a field whose type each value tells: `5i`, `0.5`, `true`, else text.
 */
export interface Column {
  readonly kind: 'head' | 'tag' | FieldKind | 'any';
  readonly name: string;
}

export type FieldKind = 'double' | 'int' | 'string' | 'bool';

const heads: ReadonlyMap<string, string> = new Map([
  ['time', 'time'],
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

/** What other programs call the types. */
const otherNames: ReadonlyMap<string, FieldKind> = new Map([
  ['float', 'double'],
  ['number', 'double'],
  ['integer', 'int'],
  ['long', 'int'],
  ['text', 'string'],
  ['boolean', 'bool'],
]);

/** A field that is silently called `flot:x` would be found much later, if at all. */
function unknownPrefix(cell: string, prefix: string): UdfError {
  const known = [...prefixes.keys()];
  const near = nearestName(prefix, [...known, ...otherNames.keys()]);
  const meant = near === undefined ? '' : ` (did you mean ${otherNames.get(near) ?? near}:?)`;
  return new UdfError(
    'malformed',
    `the column ${JSON.stringify(cell)} has an unknown prefix${meant}; the known ones are ${known.map((name) => `${name}:`).join(', ')}, and ${JSON.stringify(`field:${cell}`)} is a field of that name`,
  );
}

/** The columns that a header names. Throws `malformed`. */
export function parseHeader(cells: readonly Cell[]): readonly Column[] {
  const columns = cells.map((cell): Column => {
    const head = heads.get(cell ?? '');
    if (head !== undefined) return { kind: 'head', name: head };
    const [, prefix, name] = /^([^:]*):([^]*)$/.exec(cell ?? '') ?? [];
    if (prefix === undefined) return { kind: 'any', name: cell ?? '' };
    const kind = prefixes.get(prefix);
    if (kind === undefined) throw unknownPrefix(cell!, prefix); // there is one in it
    return { kind, name: name! }; // the pattern has found both
  });
  if (!columns.some(({ kind, name }) => kind === 'head' && name === 'name')) {
    throw new UdfError('malformed', 'the header has no column "name" (or "measurement")');
  }
  return columns;
}

/** A point as a record has it. */
export interface CsvPoint {
  readonly name: string;
  readonly time: bigint | undefined;
  readonly database: string | undefined;
  readonly retentionPolicy: string | undefined;
  readonly tags: Tags;
  readonly fields: Fields;
}

/** The point of one record. Throws `malformed`. */
export function parseRecord(columns: readonly Column[], cells: readonly Cell[]): CsvPoint {
  if (cells.length !== columns.length) {
    throw new UdfError('malformed', `it has ${cells.length} cells; the header has ${columns.length}`);
  }
  const head: Partial<Record<string, string>> = {};
  const tags: Record<string, string> = {};
  const fields: Record<string, FieldValue> = {};
  columns.forEach(({ kind, name }, index) => {
    const cell = cells[index] ?? null;
    if (cell === null) return;
    if (kind === 'head') head[name] = cell;
    else if (kind === 'tag') setEntry(tags, name, cell);
    else setEntry(fields, name, kind === 'any' ? anyValue(cell) : valueOf(kind, name, cell));
  });
  if (!head.name) throw new UdfError('malformed', 'it has no name');
  const { database, retentionPolicy } = head;
  const time = head.time === undefined ? undefined : parseTime(head.time);
  return { name: head.name, time, database, retentionPolicy, tags, fields };
}

const double = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|-?Infinity)$/;

function valueOf(kind: FieldKind, name: string, cell: string): FieldValue {
  if (kind === 'string') return cell;
  if (kind === 'double' && double.test(cell)) return Number(cell);
  if (kind === 'bool' && /^(?:true|false)$/i.test(cell)) return cell.toLowerCase() === 'true';
  const whole = kind === 'int' && /^-?\d{1,20}$/.test(cell) ? BigInt(cell) : undefined;
  if (whole !== undefined && BigInt.asIntN(64, whole) === whole) return whole;
  throw new UdfError('malformed', `field "${name}" is no ${kind}: ${JSON.stringify(cell)}`);
}

function anyValue(cell: string): FieldValue {
  if (/^-?\d{1,19}i$/.test(cell)) {
    const whole = BigInt(cell.slice(0, -1));
    if (BigInt.asIntN(64, whole) === whole) return whole;
  }
  if (/^(?:true|false)$/i.test(cell)) return cell.toLowerCase() === 'true';
  return double.test(cell) ? Number(cell) : cell;
}

/** The points of CSV. A blank line ends a table; the line behind it is the next one's header. */
export async function* readCsv(
  chunks: Chunks,
  maker: PointMaker,
  bad: BadEntries,
): AsyncGenerator<readonly LazyPoint[]> {
  const records = new CsvRecords();
  let columns: readonly Column[] | undefined;
  const take = (points: LazyPoint[]): void => {
    while (records.next()) {
      const { cells, parseError } = records;
      try {
        if (parseError) throw parseError;
        if (cells.length === 1 && cells[0] === null) columns = undefined;
        else if (!columns) columns = parseHeader(cells);
        else {
          const {
            name,
            tags,
            fields,
            time = maker.now(),
            database,
            retentionPolicy,
          } = parseRecord(columns, cells);
          points.push(maker.point(name, tags, fields, time, { database, retentionPolicy }));
        }
      } catch (reason) {
        bad.at(records.line, reason);
      }
    }
  };
  yield* portions(chunks, records, take);
}
