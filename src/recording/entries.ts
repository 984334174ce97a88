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

/**
 * What `fill` collects, in one piece. If it fails, what it had collected comes first and its error then: what stands before
 * a mistake is not lost.
 */
export function* portion<Item>(fill: (items: Item[]) => void): Generator<readonly Item[]> {
  const items: Item[] = [];
  let failed: { readonly reason: unknown } | undefined;
  try {
    fill(items);
  } catch (reason) {
    failed = { reason };
  }
  yield items;
  if (failed) throw failed.reason;
}

/** What splits a source's chunks. */
interface Splitter {
  add(chunk: Buffer): void;
  /** No more comes. */
  finish(): void;
}

/** What `fill` collects of each chunk that is split, and of what is left at the end. */
export async function* portions<Item>(
  chunks: AsyncIterable<Buffer>,
  splitter: Splitter,
  fill: (items: Item[]) => void,
): AsyncGenerator<readonly Item[]> {
  for await (const chunk of chunks) {
    splitter.add(chunk);
    yield* portion(fill);
  }
  splitter.finish();
  yield* portion(fill);
}
