import { messageOf, UdfError } from '../model/errors.js';

/** What becomes of an entry that is malformed: the reading stops there, or it is counted and left out. */
export class BadEntries {
  skipped = 0;
  readonly #file: string;
  readonly #skip: boolean;
  readonly #told: ((problem: UdfError) => void) | undefined;

  constructor(file: string, skip: boolean, told: ((problem: UdfError) => void) | undefined) {
    this.#file = file;
    this.#skip = skip;
    this.#told = told;
  }

  /** Throws `malformed` with the place, or counts it. What is no fault of the entry is thrown as it is. */
  at(line: number, reason: unknown, entry = ''): void {
    if (reason instanceof UdfError && reason.code !== 'malformed' && reason.code !== 'invalid_argument')
      throw reason;
    const inside = entry === '' ? '' : ` (entry ${entry})`;
    const place = `${this.#file}${inside}, line ${line}`;
    const problem = new UdfError('malformed', `${place}: ${shortened(messageOf(reason))}`, { cause: reason });
    if (!this.#skip) throw problem;
    this.skipped++;
    this.#told?.(problem);
  }
}

/** A message may quote what is wrong, which may be very long. */
const maxCharacters = 400;

function shortened(message: string): string {
  if (message.length <= maxCharacters) return message;
  return `${message.slice(0, maxCharacters)}… (${message.length - maxCharacters} more characters)`;
}
