import type { Line } from './lines.js';

export interface BatchOptions {
  readonly size: number;
  /** Max time that a line waits for its batch to fill. */
  readonly flushMs: number;
  /** Ends the batches with the lines read so far. */
  readonly signal: AbortSignal;
}

/**
 * Groups lines into batches of `size`, or fewer after `flushMs`. Reads at most one line ahead while the caller handles a
 * batch. Throws an error of `lines` once the lines before it are yielded.
 */
export async function* batchLines(
  lines: AsyncIterable<Line>,
  options: BatchOptions,
): AsyncGenerator<readonly Line[]> {
  const collector = new BatchCollector(lines[Symbol.asyncIterator](), options);
  try {
    for (let batch = await collector.next(); batch.length > 0; batch = await collector.next()) yield batch;
  } finally {
    collector.close();
  }
}

/**
 * Collects one batch at a time. A line, the timer or the signal settles one promise per batch: a `Promise.race` per line
 * would leak a reaction on each promise that stays pending.
 */
class BatchCollector {
  readonly #source: AsyncIterator<Line>;
  readonly #options: BatchOptions;
  #batch: Line[] = [];
  /** Whether the first line of the batch has waited `flushMs`. */
  #isDue = false;
  #timer: NodeJS.Timeout | undefined;
  /** Whether a `next` of the source is pending. */
  #isReading = false;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  /** Set while the caller awaits a batch. */
  #resolveNext: (() => void) | undefined;

  constructor(source: AsyncIterator<Line>, options: BatchOptions) {
    this.#source = source;
    this.#options = options;
    if (options.signal.aborted) this.#ended = true;
    else options.signal.addEventListener('abort', this.#onEnd);
  }

  /** The next batch; an empty one at the end. */
  async next(): Promise<readonly Line[]> {
    if (!this.#isReady()) {
      await new Promise<void>((resolve) => {
        this.#resolveNext = resolve;
        this.#readNext();
      });
    }
    if (this.#batch.length === 0 && this.#failure) throw this.#failure.reason;
    return this.#take();
  }

  close(): void {
    this.#onEnd();
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener('abort', this.#onEnd);
    // Not awaited: the source may wait for input until its own signal aborts.
    void this.#source.return?.().catch(() => undefined);
  }

  #isReady(): boolean {
    return this.#ended || this.#isDue || this.#batch.length >= this.#options.size;
  }

  #take(): readonly Line[] {
    const batch = this.#batch;
    this.#batch = [];
    this.#isDue = false;
    clearTimeout(this.#timer);
    return batch;
  }

  #readNext(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#source.next().then(this.#onLine, this.#onError);
  }

  readonly #onLine = ({ done, value }: IteratorResult<Line, unknown>): void => {
    this.#isReading = false;
    if (this.#ended) return;
    if (done) {
      this.#onEnd();
      return;
    }
    if (this.#batch.push(value) === 1) this.#timer = setTimeout(this.#onTimeout, this.#options.flushMs);
    if (this.#isReady()) this.#notify();
    else if (this.#resolveNext) this.#readNext();
  };

  readonly #onError = (reason: unknown): void => {
    if (this.#ended) return;
    this.#failure = { reason };
    this.#onEnd();
  };

  readonly #onTimeout = (): void => {
    this.#isDue = true;
    this.#notify();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#notify();
  };

  #notify(): void {
    this.#resolveNext?.();
    this.#resolveNext = undefined;
  }
}
