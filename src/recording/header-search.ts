import { UdfError } from '../model/errors.js';
import { counted } from '../model/text.js';
import type { Cell } from './csv-records.js';

/** Max records above a header. */
const maxRecords = 100;

/** Finds the header of a CSV file that has other lines above it, such as name and address, by names of its columns. */
export class HeaderSearch {
  readonly #columns: readonly string[];
  /** Records above the header, without blank ones. */
  #above = 0;
  readonly #seen = new Set<string>();

  constructor(columns: readonly string[]) {
    this.#columns = columns;
  }

  /**
   * Whether a record is the header; `undefined` stands for a malformed one. Throws `malformed` if no header is among the first
   * records.
   */
  isHeader(cells: readonly Cell[] | undefined): boolean {
    if (cells && this.#columns.every((name) => cells.includes(name))) return true;
    const names = cells?.filter((cell) => cell !== null) ?? [];
    if (cells && names.length === 0) return false;
    this.#above++;
    for (const name of names) this.#seen.add(name);
    if (this.#above >= maxRecords) throw this.#notFound();
    return false;
  }

  /** A note on what is above the header, once it is found. */
  warning(line: number): string | undefined {
    return this.#above === 0
      ? undefined
      : `${counted(this.#above, 'line')} above the header in line ${line} left out`;
  }

  /** Throws `malformed` if the file has ended without a header, unless it was empty. */
  finish(): void {
    if (this.#above > 0) throw this.#notFound();
  }

  #notFound(): UdfError {
    const missing = this.#columns.filter((name) => !this.#seen.has(name));
    const [first] = missing;
    const listed = (missing.length > 0 ? missing : this.#columns).map((name) => JSON.stringify(name));
    const near = [...this.#seen].find((name) => first !== undefined && plain(name) === plain(first));
    const hint = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`;
    const columns = `column${listed.length === 1 ? '' : 's'} ${listed.join(' and ')}`;
    return new UdfError('malformed', `no header with the ${columns} for --time-column up to here${hint}`);
  }
}

/** A name without what is easily mistaken: case, blanks and underscores. */
function plain(name: string): string {
  return name.replace(/[\s_]/g, '').toLowerCase();
}
