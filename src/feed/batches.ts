import type { Line } from './lines.js';

export interface BatchOptions {
  readonly size: number;
  /** The longest that a line waits for others, in milliseconds. */
  readonly flushMs: number;
  /** Ends the batches with what has come. */
  readonly signal: AbortSignal;
}

/**
 * Gathers lines into batches, as large as asked for if they come quickly. While a batch is used, at most one line more is
 * read. Throws what the lines throw, after those that came before.
 */
export async function* inBatches(
  lines: AsyncIterable<Line>,
  options: BatchOptions,
): AsyncGenerator<readonly Line[]> {
  const gathering = new Gathering(lines[Symbol.asyncIterator](), options);
  try {
    for (let batch = await gathering.next(); batch.length > 0; batch = await gathering.next()) yield batch;
  } finally {
    gathering.close();
  }
}

/**
 * One batch at a time. Whoever waits for it waits for one promise, made anew each time, that a line, the timer or the
 * signal settles. A race for each line would not do: it leaves a reaction on each promise that does not settle.
 */
class Gathering {
  readonly #source: AsyncIterator<Line>;
  readonly #options: BatchOptions;
  #batch: Line[] = [];
  /** Whether the first line of the batch has waited as long as it may. */
  #late = false;
  #timer: NodeJS.Timeout | undefined;
  /** Whether a line is asked for that has not come yet. */
  #asked = false;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  /** There only while somebody waits for a batch. */
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
    // It may be waiting for something that never comes; its own signal ends it.
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
