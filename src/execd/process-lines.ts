import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { LineSink } from '../lines/line-output.js';
import { LineUdf, type LineUdfOptions } from '../lines/line-udf.js';
import { UdfError } from '../model/errors.js';
import { LineSplitter } from '../recording/line-splitter.js';

export interface LineProcessing extends Pick<
  LineUdfOptions,
  'transport' | 'udf' | 'set' | 'groupBy' | 'onError' | 'logger'
> {
  readonly input: Readable;
  readonly output: Writable;
  /** What the state is kept under. */
  readonly id: string;
}

/** What went through. */
export interface LineCounts {
  readonly pointsIn: number;
  readonly pointsOut: number;
  /** Malformed lines, and points that a UDF or line protocol cannot hold; the log has them, at a limited rate. */
  readonly skipped: number;
}

/** The name of the node in state files, metrics and log entries. */
const nodeId = 'execd';

/** Max bytes of a line; Telegraf's own are far shorter. */
const maxLineBytes = 1024 * 1024;

/** Max time to wait for the end of a line whose quote is open. */
const openQuoteTimeoutMs = 500;

/** With more unread bytes than this, no input is processed. */
const maxUnreadBytes = 256 * 1024;

/**
 * Runs points of line protocol through a UDF that wants a stream: lines in, lines out, in order, with output flushed at the
 * end of each read. While the output is not read, nor is the input.
 */
export class LineProcessor {
  readonly #options: LineProcessing;
  readonly #sink: LineSink;
  readonly #udf: LineUdf;
  readonly #splitter = new LineSplitter(maxLineBytes, '');
  #quoteTimer: NodeJS.Timeout | undefined;
  /** Whether lines wait until the UDF has read what was sent. */
  #isWaiting = false;
  #hasEnded = false;
  #resolveEnd!: () => void; // set by the promise's executor, which runs at once
  readonly #ended = new Promise<void>((resolve) => {
    this.#resolveEnd = resolve;
  });
  #failure: { readonly reason: Error } | undefined;
  #rejectFailed!: (reason: Error) => void; // as above
  readonly #failed = new Promise<never>((_resolve, reject) => {
    this.#rejectFailed = reject;
  });

  constructor(options: LineProcessing) {
    this.#options = options;
    this.#failed.catch(() => undefined); // also where `run` does not wait for it
    this.#sink = sinkOf(options.output);
    this.#udf = new LineUdf({ ...options, taskId: options.id, nodeId, source: 'Telegraf', sink: this.#sink });
  }

  /**
   * Processes the input to its end, or until `finish`, and resolves when all output is written.
   *
   * Rejects with `usage` for a UDF that wants batches and for options that it does not have, with a `ProtocolFailure` for
   * options that it refuses and for what ends it, and with `connection` if the output cannot be written.
   */
  async run(): Promise<LineCounts> {
    const { input, output } = this.#options;
    const fail = (reason: unknown): void => {
      this.#fail(reason);
    };
    try {
      await this.#udf.start();
      output.on('error', (error) => {
        fail(
          new UdfError('connection', `cannot write to standard output: ${error.message}`, { cause: error }),
        );
      });
      output.on('drain', () => {
        this.#udf.peer.resumeReading();
      });
      void this.#udf.peer.closed.then(() => {
        if (!this.#hasEnded) fail(this.#udf.peer.failure ?? new UdfError('connection', 'the UDF has ended'));
      });
      input.on('data', (chunk: Buffer) => {
        this.#read(chunk);
      });
      input.once('end', () => {
        this.finish();
      });
      input.once('error', fail);
      await this.#ended;
      await Promise.race([this.#failed, this.#finishOutput()]);
    } catch (reason) {
      throw this.#failure ? this.#failure.reason : reason;
    } finally {
      clearTimeout(this.#quoteTimer);
      input.pause();
      this.#udf.peer.abort();
    }
    const { pointsIn, pointsOut, skipped } = this.#udf;
    return { pointsIn, pointsOut, skipped };
  }

  async #finishOutput(): Promise<void> {
    if (this.#failure) return;
    await this.#udf.stop();
    await new Promise<void>((resolve) => {
      this.#options.output.end((error?: Error | null) => {
        if (!error) resolve(); // the stream reports an error, which `#failed` rejects with
      });
    });
  }

  /** Stops at once; `run` rejects with the reason. */
  abort(reason: Error): void {
    this.#fail(reason);
  }

  /** Reads no more: what has been read is processed. */
  finish(): void {
    if (this.#hasEnded) return;
    this.#options.input.pause();
    this.#hasEnded = true;
    this.#splitter.finish();
    this.#take();
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason: UdfError.from(reason) };
    this.#hasEnded = true;
    this.#resolveEnd();
    this.#rejectFailed(this.#failure.reason);
    this.#udf.peer.abort();
  }

  #read(chunk: Buffer): void {
    if (this.#hasEnded) return;
    this.#splitter.add(chunk);
    if (this.#isWaiting) this.#options.input.pause();
    else this.#take();
  }

  /** Sends the complete lines, until the UDF is behind. */
  #take(): void {
    if (this.#isWaiting || this.#failure) return;
    let hasRoom = true;
    let drained: Promise<void>;
    try {
      const udf = this.#udf;
      const { tryParse } = udf;
      while (hasRoom && this.#splitter.next('quoted', tryParse)) hasRoom = udf.line(this.#splitter);
      drained = udf.drained();
    } catch (reason) {
      this.#fail(reason);
      return;
    }
    if (hasRoom && this.#sink.isBlocked) {
      hasRoom = false;
      drained = once(this.#options.output, 'drain').then(() => undefined);
    }
    this.#isWaiting = !hasRoom;
    // Rejects if the connection is closed or the output fails, which `run` handles.
    drained.then(hasRoom ? undefined : this.#onRoom, () => undefined);
    if (!hasRoom) return;
    if (this.#hasEnded) this.#resolveEnd();
    else this.#limitOpenQuote();
  }

  readonly #onRoom = (): void => {
    this.#isWaiting = false;
    if (!this.#hasEnded) this.#options.input.resume();
    this.#take();
  };

  /** Gives a quote up that stays open, so that the lines behind it are not held back. */
  #limitOpenQuote(): void {
    if (!this.#splitter.isInsideQuotes) {
      clearTimeout(this.#quoteTimer);
      this.#quoteTimer = undefined;
      return;
    }
    this.#quoteTimer ??= setTimeout(() => {
      this.#quoteTimer = undefined;
      this.#splitter.giveUpQuotes();
      this.#take();
    }, openQuoteTimeoutMs);
  }
}

function sinkOf(output: Writable): LineSink {
  return {
    write: (chunk) => {
      if (output.writable) output.write(chunk);
    },
    get isBlocked() {
      return output.writableLength > maxUnreadBytes && output.writableNeedDrain;
    },
  };
}
