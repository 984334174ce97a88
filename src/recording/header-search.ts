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
  /** Of the first malformed record. */
  #problem: UdfError | undefined;

  constructor(columns: readonly string[]) {
    this.#columns = columns;
  }

  /** Whether a record, or the problem of a malformed one, is the header. Throws `malformed` if no header is among the first records. */
  isHeader(record: readonly Cell[] | UdfError): boolean {
    let names: readonly string[] = [];
    if (record instanceof UdfError) this.#problem ??= record;
    else {
      if (this.#columns.every((name) => record.includes(name))) return true;
      names = record.filter((cell) => cell !== null);
      if (names.length === 0) return false;
    }
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
    const hint = near === undefined ? this.#otherHint() : `; did you mean ${JSON.stringify(near)}?`;
    const columns = `column${listed.length === 1 ? '' : 's'} ${listed.join(' and ')}`;
    return new UdfError('malformed', `no header with the ${columns} for --time-column up to here${hint}`);
  }

  /** What else may keep the header from being found: another delimiter, or text that cannot be read. */
  #otherHint(): string {
    for (const cell of this.#seen) {
      const delimiter = /[,;|\t]/.exec(cell)?.[0];
      if (delimiter === undefined) continue;
      const names = new Set(cell.split(delimiter).map((name) => name.trim()));
      if (!this.#columns.every((name) => names.has(name))) continue;
      const shown = delimiter === '\t' ? 'tab' : `"${delimiter}"`;
      return `; its cells may be parted by another character: --delimiter ${shown}`;
    }
    return this.#problem ? `; a line is malformed: ${this.#problem.message}` : '';
  }
}

/** A name without what is easily mistaken: case, blanks and underscores. */
function plain(name: string): string {
  return name.replace(/[\s_]/g, '').toLowerCase();
}
