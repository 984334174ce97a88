import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { UdfError } from '../model/errors.js';
import type { OptionCall } from '../model/option-call.js';
import { createKapacitorPeer, type KapacitorPeer } from '../peer/kapacitor-peer.js';
import { parseSettings } from '../peer/options.js';
import { LineParser } from '../recording/line-parser.js';
import { isEmpty, parseCurrentLine } from '../recording/line-protocol.js';
import { LineSplitter } from '../recording/line-splitter.js';
import { PointMaker } from '../recording/point-maker.js';
import type { Logger } from '../telemetry/logger.js';
import type { Transport } from '../transport/transport.js';
import type { ErrorPolicy } from '../udf/runtime-options.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { LineOutput } from './line-output.js';
import { type LineSeries, PendingLines } from './pending-lines.js';
import { maxInt64, SkippedLines } from './skipped-lines.js';

export interface LineProcessing {
  /** Kapacitor's side of a connection to the UDF. */
  readonly transport: Transport;
  readonly input: Readable;
  readonly output: Writable;
  readonly udf: string;
  /** What the state is kept under. */
  readonly id: string;
  /** The UDF's options, as `option=value`. */
  readonly set?: readonly string[] | undefined;
  /** The tags that points are grouped by, besides their measurement: all of them if not given. */
  readonly groupBy?: readonly string[] | '*' | undefined;
  /** The policy for a point that no UDF can get, unless the options have one: `stop` if not given. */
  readonly onError?: ErrorPolicy | undefined;
  readonly logger: Logger;
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

/** The UDF answers in this process: a debugger may pause it. */
const answerTimeoutMs = 24 * 60 * 60 * 1000;

/**
 * Runs points of line protocol through a UDF that wants a stream: lines in, lines out, in order, with output flushed at the
 * end of each read. While the output is not read, nor is the input.
 */
export class LineProcessor {
  readonly #options: LineProcessing;
  readonly #peer: KapacitorPeer;
  readonly #pending = new PendingLines();
  readonly #output: LineOutput;
  readonly #splitter = new LineSplitter(maxLineBytes);
  readonly #parser: LineParser<LineSeries>;
  readonly #skipped: SkippedLines;
  #onError: ErrorPolicy;
  #pointsIn = 0;
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
    this.#onError = options.onError ?? 'stop';
    this.#output = new LineOutput(options.output, this.#pending);
    this.#skipped = new SkippedLines(options.logger, `${options.udf}: task ${options.id}: `);
    const maker = new PointMaker({ groupBy: options.groupBy, byName: true });
    this.#parser = new LineParser(
      (name, tags, written) => {
        const template = maker.template(name, tags, {});
        return this.#output.seriesOf(template, () => Buffer.from(written));
      },
      { allowUnsigned: true },
    );
    this.#peer = createKapacitorPeer(options.transport, {
      taskId: options.id,
      nodeId,
      keepaliveTimeoutMs: 0,
      answerTimeoutMs,
      writes: 'coalesced',
      onPoint: (point) => {
        this.#emitted(() => {
          if (LazyPoint.is(point)) this.#output.point(point); // the peer makes no others
        });
      },
      onBatch: (batch) => {
        this.#emitted(() => {
          if (LazyBatch.is(batch)) this.#output.batch(batch);
        });
      },
    });
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
      await this.#start();
      output.on('error', (error) => {
        fail(
          new UdfError('connection', `cannot write to standard output: ${error.message}`, { cause: error }),
        );
      });
      output.on('drain', () => {
        this.#peer.resumeReading();
      });
      void this.#peer.closed.then(() => {
        if (!this.#hasEnded) fail(this.#peer.failure ?? new UdfError('connection', 'the UDF has ended'));
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
      this.#peer.abort();
    }
    return { pointsIn: this.#pointsIn, pointsOut: this.#output.points, skipped: this.#skipped.count };
  }

  async #finishOutput(): Promise<void> {
    if (this.#failure) return;
    await this.#peer.stop();
    this.#output.flush();
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

  async #start(): Promise<void> {
    const { udf, set = [] } = this.#options;
    const { wants, options: types } = await this.#peer.info();
    if (wants === 'batch') {
      throw new UdfError(
        'usage',
        `${udf} wants batches, and Telegraf sends single points: only a UDF that wants a stream can be its processor`,
      );
    }
    const calls = parseSettings(set, types);
    await this.#peer.init(calls);
    this.#onError = policyIn(calls) ?? this.#onError;
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason: UdfError.from(reason) };
    this.#hasEnded = true;
    this.#resolveEnd();
    this.#rejectFailed(this.#failure.reason);
    this.#peer.abort();
  }

  // ---- input ----

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
      while (hasRoom && this.#splitter.next('quoted', this.#parser.tryParse)) hasRoom = this.#line();
      drained = this.#peer.drained(); // flushes: what is emitted at once is in the output then
    } catch (reason) {
      this.#fail(reason);
      return;
    }
    this.#output.flush();
    if (hasRoom && this.#output.isBlocked) {
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

  /** Sends the splitter's current line; false if the UDF is behind. */
  #line(): boolean {
    const splitter = this.#splitter;
    const parser = this.#parser;
    if (isEmpty(splitter)) return true;
    try {
      parseCurrentLine(splitter, parser);
    } catch (reason) {
      this.#skipped.malformed(splitter, reason);
      return true;
    }
    const { fields, series, seconds } = parser;
    if (fields.unsignedNames.length > 0 && !this.#takeUnsigned()) return true;
    const point =
      seconds >= 0
        ? series.template.scannedPoint(seconds, parser.nanoseconds, fields)
        : series.template.point(parser.time ?? now(), fields.keys, fields.values, fields.count);
    this.#pointsIn++;
    series.repeatsTimes ||= seconds === series.seconds && parser.nanoseconds === series.nanoseconds;
    series.seconds = seconds;
    series.nanoseconds = parser.nanoseconds;
    this.#pending.add(point, series, splitter.buf, splitter.start, splitter.end);
    return this.#peer.point(point);
  }

  /** Takes note of unsigned fields. False if one is beyond an int64, and the line is done with by the error policy. */
  #takeUnsigned(): boolean {
    const { fields, series } = this.#parser;
    series.unsigned ??= new Set();
    for (const name of fields.unsignedNames) series.unsigned.add(name);
    const index = fields.values
      .slice(0, fields.count)
      .findIndex((value) => typeof value === 'bigint' && value > maxInt64);
    if (index < 0) return true;
    const { buf, start, end } = this.#splitter;
    this.#skipped.beyondInt64(fields.names[index]!, fields.value(index) as bigint, this.#onError); // as found above
    if (this.#onError === 'pass') {
      void this.#peer.drained().catch(() => undefined); // flushes, so that the lines before it are in the output
      this.#output.line(buf, start, end);
    }
    return false;
  }

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

  // ---- output ----

  #emitted(write: () => void): void {
    try {
      write();
    } catch (reason) {
      this.#skipped.emitted(reason);
    }
    if (this.#output.isBlocked) this.#peer.pauseReading();
  }
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

function policyIn(calls: readonly OptionCall[]): ErrorPolicy | undefined {
  return calls.findLast(({ name }) => name === 'onError')?.args[0]?.value as ErrorPolicy | undefined; // init has checked it
}
