import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, UdfError } from '../model/errors.js';
import { counted } from '../model/text.js';

export interface BadEntriesOptions {
  /** Count malformed entries and leave them out, instead of stopping at the first. */
  readonly skipBad?: boolean | undefined;
  /** Called with the problem of each entry that is left out. */
  readonly onBad?: ((problem: UdfError) => void) | undefined;
  /** What to try if the very first line is malformed. */
  readonly hint?: string | undefined;
}

/** A point without fields, for an output that cannot hold it. */
export class NoFieldsError extends UdfError {
  constructor() {
    super('malformed', 'it has no field');
  }
}

/** Decides what happens at a malformed entry: reading stops, or the entry is counted and left out. */
export class BadEntries {
  skipped = 0;
  /** Points without fields that were left out; they are not malformed. */
  withoutFields = 0;
  readonly #file: string;
  readonly #options: BadEntriesOptions;

  constructor(file: string, options: BadEntriesOptions = {}) {
    this.#file = file;
    this.#options = options;
  }

  /** What to tell the user after the last entry. */
  get warnings(): readonly string[] {
    if (this.withoutFields === 0) return [];
    return [
      `${counted(this.withoutFields, 'point')} without fields left out: line protocol cannot hold them`,
    ];
  }

  /** Counts a malformed entry, or throws `malformed` with its place. Other errors are rethrown unchanged. */
  report(line: number, reason: unknown, entry = '', column?: number): void {
    if (reason instanceof UdfError && reason.code !== 'malformed' && reason.code !== 'invalid_argument')
      throw reason;
    if (reason instanceof NoFieldsError) {
      this.withoutFields++;
      return;
    }
    const { skipBad, onBad, hint } = this.#options;
    const inside = entry === '' ? '' : ` (entry ${entry})`;
    const place = `${this.#file}${inside}, line ${line}${column === undefined ? '' : `, column ${column}`}`;
    const advice = hint !== undefined && line === 1 ? `; ${hint}` : '';
    const problem = new UdfError('malformed', `${place}: ${shortened(messageOf(reason))}${advice}`, {
      cause: reason,
    });
    if (!skipBad) throw problem;
    this.skipped++;
    onBad?.(problem);
  }
}

/** Max characters of a message: it may quote an input line of any length. */
const maxCharacters = 400;

function shortened(message: string): string {
  if (message.length <= maxCharacters) return message;
  return `${message.slice(0, maxCharacters)}… (${message.length - maxCharacters} more characters)`;
}

/** Collects what `fill` adds. If it throws, the items before the failure are yielded first, then its error is thrown. */
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

/** Splits chunks of a source into entries. */
export interface Splitter {
  add(chunk: Buffer): void;
  /** No more chunks follow. */
  finish(): void;
  /** Whether complete lines wait for a quote to be closed. */
  readonly isInsideQuotes: boolean;
  /** Stops waiting for the quote. */
  giveUpQuotes(): void;
}

/**
 * Yields what `fill` collects from each chunk, and from what is left at the end. A quote that is still open after
 * `openQuoteTimeoutMs` of waiting for input is given up, so that the lines after it are not held back.
 */
export async function* portions<Item>(
  chunks: AsyncIterable<Buffer>,
  splitter: Splitter,
  fill: (items: Item[]) => void,
  openQuoteTimeoutMs = Infinity,
): AsyncGenerator<readonly Item[]> {
  const source = chunks[Symbol.asyncIterator]();
  let isPending = false;
  let waitedMs = 0;
  try {
    for (;;) {
      const pendingChunk = source.next();
      isPending = true;
      while (splitter.isInsideQuotes && openQuoteTimeoutMs !== Infinity) {
        const start = performance.now();
        const isTimeout = await timesOut(pendingChunk, openQuoteTimeoutMs - waitedMs);
        waitedMs += performance.now() - start;
        if (!isTimeout) break;
        waitedMs = 0;
        splitter.giveUpQuotes();
        yield* portion(fill);
      }
      const next = await pendingChunk;
      isPending = false;
      if (next.done) break;
      splitter.add(next.value);
      yield* portion(fill);
      if (!splitter.isInsideQuotes) waitedMs = 0;
    }
    splitter.finish();
    yield* portion(fill);
  } finally {
    // `return` waits for a pending read, which may never complete: the source ends by its own signal.
    const ended = source.return?.();
    if (isPending) void ended?.catch(() => undefined);
    else await ended;
  }
}

/** Whether `ms` pass before the promise settles. */
async function timesOut(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      promise.then(() => false),
      wait(Math.max(0, ms), true, { signal: timer.signal }),
    ]);
  } finally {
    timer.abort();
  }
}
