import type { Line } from './lines.js';

export interface BatchOptions {
  readonly size: number;
  /** Max time that a line waits for others. */
  readonly flushMs: number;
  /** Ends the batches with the lines received so far. */
  readonly signal: AbortSignal;
}

/**
 * Collects lines into batches of `size`, or fewer after `flushMs`. While the caller uses a batch, at most one more line is
 * read. An error of the lines is thrown after the lines before it.
 */
export async function* inBatches(
  lines: AsyncIterable<Line>,
  options: BatchOptions,
): AsyncGenerator<readonly Line[]> {
  const gathering = new BatchCollector(lines[Symbol.asyncIterator](), options);
  try {
    for (let batch = await gathering.next(); batch.length > 0; batch = await gathering.next()) yield batch;
  } finally {
    gathering.close();
  }
}

/**
 * Collects one batch at a time. The caller awaits one new promise per batch, which a line, the timer or the signal
 * settles. `Promise.race` per line would leak: each race leaves a reaction on every promise that does not settle.
 */
class BatchCollector {
  readonly #source: AsyncIterator<Line>;
  readonly #options: BatchOptions;
  #batch: Line[] = [];
  /** Whether the first line of the batch has waited `flushMs`. */
  #late = false;
  #timer: NodeJS.Timeout | undefined;
  /** Whether `next` of the source is pending. */
  #asked = false;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  /** Set while the caller awaits a batch. */
  #wake: (() => void) | undefined;

  constructor(source: AsyncIterator<Line>, options: BatchOptions) {
    this.#source = source;
    this.#options = options;
    if (options.signal.aborted) this.#ended = true;
    else options.signal.addEventListener('abort', this.#end);
  }

  /** The next batch; an empty one at the end. */
  async next(): Promise<readonly Line[]> {
    if (!this.#ready()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#ask();
      });
    }
    if (this.#batch.length === 0 && this.#failure) throw this.#failure.reason;
    return this.#take();
  }

  close(): void {
    this.#end();
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener('abort', this.#end);
    // Not awaited: the source may be waiting for input, until its own signal ends it.
    void this.#source.return?.().catch(() => undefined);
  }

  #ready(): boolean {
    return this.#ended || this.#late || this.#batch.length >= this.#options.size;
  }

  #take(): readonly Line[] {
    const batch = this.#batch;
    this.#batch = [];
    this.#late = false;
    clearTimeout(this.#timer);
    return batch;
  }

  #ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#source.next().then(this.#came, this.#failed);
  }

  readonly #came = ({ done, value }: IteratorResult<Line, unknown>): void => {
    this.#asked = false;
    if (this.#ended) return;
    if (done) {
      this.#end();
      return;
    }
    if (this.#batch.push(value) === 1) this.#timer = setTimeout(this.#isLate, this.#options.flushMs);
    if (this.#ready()) this.#awaken();
    else if (this.#wake) this.#ask();
  };

  readonly #failed = (reason: unknown): void => {
    if (this.#ended) return;
    this.#failure = { reason };
    this.#end();
  };

  readonly #isLate = (): void => {
    this.#late = true;
    this.#awaken();
  };

  readonly #end = (): void => {
    this.#ended = true;
    this.#awaken();
  };

  #awaken(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
