import { UdfError } from '../model/errors.js';
import type { FieldValue } from '../model/values.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { checkNames, type RecordedItem } from './format.js';

/** Formats points as CSV that `readCsv` reads. */
export class CsvText {
  /** The columns so far with their indices. */
  readonly #columns = new Map<string, number>();

  /**
   * Formats a point's record. A new column begins a new table with all columns so far, as later points are not known
   * yet. Throws `invalid_argument` for a batch, and for empty names and tag values.
   */
  format(item: RecordedItem): string {
    if (item instanceof LazyBatch) throw new UdfError('invalid_argument', 'CSV holds points, not batches');
    checkNames(item, 'CSV');
    const cells: [string, string][] = [
      ['time', String(item.time)],
      ['name', quoted(item.name)],
    ];
    if (item.database !== '') cells.push(['database', quoted(item.database)]);
    if (item.retentionPolicy !== '') cells.push(['retentionPolicy', quoted(item.retentionPolicy)]);
    for (const [key, value] of Object.entries(item.tags)) {
      if (value === '') throw new UdfError('invalid_argument', `CSV cannot hold tag "${key}" that is empty`);
      cells.push([`tag:${key}`, quoted(value)]);
    }
    for (const [key, value] of Object.entries(item.fields))
      cells.push([`${kindOf(value)}:${key}`, text(value)]);
    return this.#header(cells) + this.#record(cells);
  }

  #header(cells: readonly (readonly [string, string])[]): string {
    const before = this.#columns.size;
    for (const [column] of cells) {
      if (!this.#columns.has(column)) this.#columns.set(column, this.#columns.size);
    }
    if (this.#columns.size === before) return '';
    const header = Array.from(this.#columns.keys(), (column) =>
      /^[\w:.-]+$/.test(column) ? column : quoted(column),
    ).join(',');
    return before === 0 ? `${header}\n` : `\n${header}\n`;
  }

  #record(cells: readonly (readonly [string, string])[]): string {
    const record = new Array<string>(this.#columns.size).fill('');
    for (const [column, cell] of cells) record[this.#columns.get(column)!] = cell;
    return record.join(',');
  }
}

/** Text is always quoted: an unquoted empty cell means a missing value. */
function quoted(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}

function kindOf(value: FieldValue): string {
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'double';
  return typeof value === 'string' ? 'string' : 'bool';
}

function text(value: FieldValue): string {
  if (typeof value === 'string') return quoted(value);
  return Object.is(value, -0) ? '-0' : String(value);
}
