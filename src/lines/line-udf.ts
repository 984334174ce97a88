import { UdfError } from '../model/errors.js';
import type { OptionCall } from '../model/option-call.js';
import type { EdgeType } from '../model/values.js';
import { createKapacitorPeer, type KapacitorPeer } from '../peer/kapacitor-peer.js';
import { parseSettings } from '../peer/options.js';
import { LineParser } from '../recording/line-parser.js';
import { isEmpty, parseCurrentLine } from '../recording/line-protocol.js';
import type { LineSplitter } from '../recording/line-splitter.js';
import { PointMaker } from '../recording/point-maker.js';
import type { Logger } from '../telemetry/logger.js';
import type { Transport } from '../transport/transport.js';
import type { ErrorPolicy } from '../udf/runtime-options.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { LineOutput, type LineSink } from './line-output.js';
import { type LineSeries, PendingLines } from './pending-lines.js';
import { maxInt64, SkippedLines } from './skipped-lines.js';

export interface LineUdfOptions {
  /** Kapacitor's side of a connection to the UDF. */
  readonly transport: Transport;
  readonly udf: string;
  /** The task and the node, as Kapacitor would name them: in state files, metrics and log entries. */
  readonly taskId: string;
  readonly nodeId: string;
  /** The UDF's options, as `option=value`. */
  readonly set?: readonly string[] | undefined;
  /** The tags that points are grouped by, besides their measurement: all of them if not given. */
  readonly groupBy?: readonly string[] | '*' | undefined;
  /** The policy for a point that no UDF can get, unless the options have one: `stop` if not given. */
  readonly onError?: ErrorPolicy | undefined;
  /** Where single points come from, for the message that refuses a UDF which wants batches. */
  readonly source: string;
  readonly sink: LineSink;
  /** The time of lines without one, which then have it on their way out, too. If not given, they are of the present. */
  readonly now?: (() => bigint) | undefined;
  /** Called for each line that is left out: it is malformed, or no UDF can get its point. */
  readonly skipped?: ((line: Buffer, reason: unknown) => void) | undefined;
  readonly logger: Logger;
}

const carriageReturn = 0x0d;

/** The UDF answers in this process: a debugger may pause it. */
const answerTimeoutMs = 24 * 60 * 60 * 1000;

/** A UDF that wants a stream, with lines as input and as output, in order. */
export class LineUdf {
  /** Points that were sent to the UDF. */
  pointsIn = 0;
  readonly #options: LineUdfOptions;
  readonly #peer: KapacitorPeer;
  readonly #pending = new PendingLines();
  readonly #output: LineOutput;
  readonly #parser: LineParser<LineSeries>;
  readonly #skipped: SkippedLines;
  readonly #now: () => bigint;
  #onError: ErrorPolicy;
  /** A line that is passed on as it came, once what the UDF emits for the lines before it is in the sink. */
  #passed: Buffer | undefined;

  constructor(options: LineUdfOptions) {
    this.#options = options;
    this.#now = options.now ?? now;
    this.#onError = options.onError ?? 'stop';
    this.#output = new LineOutput(options.sink, this.#pending);
    this.#skipped = new SkippedLines(options.logger, `${options.udf}: task ${options.taskId}: `);
    const maker = new PointMaker({ groupBy: options.groupBy, byName: true });
    this.#parser = new LineParser(
      (name, tags, written) => {
        const template = maker.template(name, tags, {});
        return this.#output.seriesOf(template, () => Buffer.from(written));
      },
      { allowUnsigned: true },
    );
    this.#peer = createKapacitorPeer(options.transport, {
      taskId: options.taskId,
      nodeId: options.nodeId,
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

  /** The conversation with the UDF. */
  get peer(): KapacitorPeer {
    return this.#peer;
  }

  /** Points that were emitted. */
  get pointsOut(): number {
    return this.#output.points;
  }

  /** Lines that were left out, and emitted points that no line can hold. */
  get skipped(): number {
    return this.#skipped.count;
  }

  /** Whether a text may be a line; for `LineSplitter.next`. */
  get tryParse(): (buf: Buffer, start: number, end: number) => boolean {
    return this.#parser.tryParse;
  }

  /**
   * Starts the UDF. Rejects with `usage` for a UDF that wants batches and for options that it does not have, and with a
   * `ProtocolFailure` for options that it refuses. Resolves with the options that it was given.
   */
  async start(): Promise<readonly OptionCall[]> {
    const { udf, source, set = [] } = this.#options;
    const { wants, options: types } = await this.#peer.info();
    checkWantsStream(udf, wants, source);
    const calls = parseSettings(set, types);
    await this.#peer.init(calls);
    this.#onError = policyIn(calls) ?? this.#onError;
    return calls;
  }

  /**
   * Sends the splitter's current line; false if the next one must wait for `drained`. Throws `limit` as the error policy
   * says.
   */
  line(splitter: LineSplitter): boolean {
    const parser = this.#parser;
    if (isEmpty(splitter)) return true;
    try {
      parseCurrentLine(splitter, parser);
    } catch (reason) {
      this.#skipped.malformed(splitter, reason);
      this.#options.skipped?.(splitter.buf.subarray(splitter.start, splitter.end), reason);
      return true;
    }
    const { fields, series, seconds } = parser;
    const { buf, start } = splitter;
    const end = buf[splitter.end - 1] === carriageReturn ? splitter.end - 1 : splitter.end;
    if (fields.unsignedNames.length > 0 && !this.#takeUnsigned(splitter)) return this.#passed === undefined;
    const point =
      seconds >= 0
        ? series.template.scannedPoint(seconds, parser.nanoseconds, fields)
        : series.template.point(parser.time ?? this.#now(), fields.keys, fields.values, fields.count);
    this.pointsIn++;
    series.repeatsTimes ||= seconds === series.seconds && parser.nanoseconds === series.nanoseconds;
    series.seconds = seconds;
    series.nanoseconds = parser.nanoseconds;
    if (seconds < 0 && parser.time === undefined && this.#options.now) {
      const line = Buffer.from(`${buf.toString('utf8', start, end).trimEnd()} ${point.time}`);
      this.#pending.add(point, series, line, 0, line.length);
    } else {
      this.#pending.add(point, series, buf, start, end);
    }
    return this.#peer.point(point);
  }

  /**
   * Hands all lines to the UDF, and what it has emitted at once to the sink. Resolves when the UDF takes the next line;
   * rejects if the connection is closed.
   */
  drained(): Promise<void> {
    const passed = this.#passed;
    if (passed !== undefined) return this.#pass(passed);
    const drained = this.#peer.drained();
    this.#output.flush();
    return drained;
  }

  /** Resolves when all lines so far are handled and what was emitted for them is in the sink. */
  async settled(): Promise<void> {
    await this.#peer.info(); // answered after all input before it
    this.#output.flush();
  }

  /** Stops the UDF: its last output is in the sink then. */
  async stop(): Promise<void> {
    await this.#peer.stop();
    this.#output.flush();
  }

  /** Takes note of unsigned fields. False if one is beyond an int64, and the line is done with by the error policy. */
  #takeUnsigned({ buf, start, end }: LineSplitter): boolean {
    const { fields, series } = this.#parser;
    series.unsigned ??= new Set();
    for (const name of fields.unsignedNames) series.unsigned.add(name);
    const index = fields.values
      .slice(0, fields.count)
      .findIndex((value) => typeof value === 'bigint' && value > maxInt64);
    if (index < 0) return true;
    const message = this.#skipped.beyondInt64(
      fields.names[index]!, // as found above
      fields.value(index) as bigint,
      this.#onError,
    );
    if (this.#onError === 'pass') this.#passed = Buffer.from(buf.subarray(start, end));
    else this.#options.skipped?.(buf.subarray(start, end), message);
    return false;
  }

  async #pass(line: Buffer): Promise<void> {
    await this.settled();
    this.#passed = undefined;
    this.#output.line(line, 0, line.length);
    this.#output.flush();
  }

  #emitted(write: () => void): void {
    try {
      write();
    } catch (reason) {
      this.#skipped.emitted(reason);
    }
    if (this.#options.sink.isBlocked) this.#peer.pauseReading();
  }
}

/** Throws `usage` for a UDF that wants batches; `source` names where the single points come from. */
export function checkWantsStream(udf: string, wants: EdgeType, source: string): void {
  if (wants === 'stream') return;
  throw new UdfError(
    'usage',
    `${udf} wants batches, and ${source} sends single points: only a UDF that wants a stream can be used there`,
  );
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

function policyIn(calls: readonly OptionCall[]): ErrorPolicy | undefined {
  return calls.findLast(({ name }) => name === 'onError')?.args[0]?.value as ErrorPolicy | undefined; // init has checked it
}
