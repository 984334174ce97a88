import type { Agent, AgentOptions } from '../../../agent/agent.js';
import { Counters } from '../../../agent/counters.js';
import { Input } from '../../../agent/input.js';
import { lastReadTimeoutMs, Lifetime } from '../../../agent/lifetime.js';
import { resolveLimits } from '../../../agent/limits.js';
import { Output } from '../../../agent/output.js';
import { refusedRestore } from '../../../agent/state-keeper.js';
import { UdfError } from '../../../model/errors.js';
import type { AgentStats, TaskUse, UseId } from '../../../model/statistics.js';
import { capText } from '../../../model/text.js';
import type { Logger } from '../../../telemetry/logger.js';
import type { ErrorPolicy } from '../../../udf/runtime-options.js';
import { snapshotFrameStart } from '../../../wire/framing.js';
import { FrameReader } from '../../../wire/frame-reader.js';
import { decodeRequest, encodeResponse, type Request, type Response } from '../../../wire/messages.js';
import { beginTag0, endTag0, pointTag0 } from '../../../wire/tags.js';
import { Feed } from '../supervisor/feed.js';
import { FrontState } from './front-state.js';
import type { Span } from '../supervisor/journal.js';
import type { UdfInfo } from '../worker/messages.js';
import { addPoisonLetters } from './poison-letters.js';
import { Pause } from './pause.js';
import { countPoints, describeInput, wholeBatch } from '../supervisor/poison.js';
import { Supervisor } from '../supervisor/supervisor.js';
import type { WorkerSupply } from '../worker/worker-supply.js';

export interface IsolatedAgentOptions extends Omit<AgentOptions, 'definition' | 'progress'> {
  readonly workers: WorkerSupply;
  readonly udf: UdfInfo;
  /** Milliseconds between two internal snapshots at most, while there is input. */
  readonly snapshotIntervalMs: number;
}

/** An agent whose UDF runs in a worker. */
export interface IsolatedAgent extends Agent {
  /**
   * Replaces the worker by one that runs the present code of the modules, with the same state. Rejects with
   * `invalid_module` or `snapshot_migration` if that is impossible: the old worker continues then.
   */
  reload(): Promise<void>;
}

/**
 * Serves a UDF on one connection, in a worker. This thread keeps the conversation: it answers keepalives and info, and passes
 * the rest on. A worker that ends by a fault is replaced without the peer noticing.
 */
export function createIsolatedAgent(options: IsolatedAgentOptions): IsolatedAgent {
  return new FrontAgent(options);
}

class FrontAgent implements IsolatedAgent {
  readonly #options: IsolatedAgentOptions;
  readonly #counters = new Counters();
  readonly #feed = new Feed();
  readonly #input: Input;
  readonly #pause: Pause;
  readonly #output: Output;
  readonly #supervisor: Supervisor;
  readonly #lifetime: Lifetime;
  readonly #state: FrontState;
  /** Resolves when the connection is closed and its last state handed to the store. */
  readonly closed: Promise<void>;
  readonly #maxReadAheadBytes: number;
  readonly #maxJournalBytes: number;
  readonly #maxBatchJournalBytes: number;
  #logger: Logger;
  #use: TaskUse | undefined;
  #onError: ErrorPolicy;
  #inBatch = false;
  /** The position of the input whose state is the last one, if that is not all of it. */
  #lastPosition: number | undefined;
  #ending: Promise<void> | undefined;
  #finalStats: AgentStats | undefined;
  /** The frames of data that were read and are not in the journal yet: adjacent in one buffer. */
  #run: Buffer | undefined;
  #runStart = 0;
  #runEnd = 0;
  #reloadAtBatchEnd: (() => void) | undefined;
  #passOn: NodeJS.Immediate | undefined;

  constructor(options: IsolatedAgentOptions) {
    const { transport, udf } = options;
    const limits = resolveLimits(options.limits);
    this.#options = options;
    this.#logger = options.logger.child({ udf: udf.name });
    this.#onError = options.onError ?? udf.onError;
    this.#maxReadAheadBytes = limits.inputBytes;
    this.#maxJournalBytes = limits.journalBytes;
    this.#maxBatchJournalBytes = Math.max(limits.journalBytes, limits.batchBytes);
    this.#output = new Output(transport.output, this.#counters, limits.outputBytes);
    this.#supervisor = new Supervisor({
      ...options,
      limits,
      feed: this.#feed,
      defaults: { onError: options.onError, groupTtl: options.groupTtl, maxGroups: options.maxGroups },
      logger: this.#logger,
      keepsLetters: options.deadLetters !== undefined,
      events: {
        output: (buf, frame, payload, end) => {
          this.#forward(buf, frame, payload, end);
        },
        flush: () => {
          this.#output.flush();
          return this.#output;
        },
        respond: (response, refusal) => {
          this.#respond(response);
          if (refusal) this.#refused(refusal);
        },
        letter: (letter) => {
          options.deadLetters?.add(this.#useId(), letter);
        },
        snapshotTaken: (snapshot) => {
          this.#state.offer(snapshot);
        },
        failed: (frame, position) => {
          this.#lastPosition = position;
          this.#failedByUdf(frame);
        },
        giveUp: (error) => {
          this.#fail(error);
        },
        done: () => {
          this.#output.flush();
          this.#lifetime.close();
        },
        progress: () => {
          this.#settle();
        },
        poison: (span, reason) => this.#poison(span, reason),
      },
    });
    this.#state = new FrontState({
      ...{ ...options, udf: udf.name, limits, supervisor: this.#supervisor },
      isInBatch: () => this.#inBatch,
      fail: (error) => {
        this.#fail(error);
      },
    });
    this.#input = new Input(transport.input, limits, (buf, frame, payload, end) => {
      this.#receive(buf, frame, payload, end);
    });
    this.#pause = new Pause(this.#input, this.#output);
    this.#lifetime = new Lifetime(transport, {
      stopWork: () => {
        this.#pause.end();
        this.#input.stop();
        this.#output.end();
        this.#ending ??= this.#end();
      },
      lost: (message, error) => {
        this.#logger.warn(error ? { err: error } : {}, message);
      },
      closed: () => {
        if (this.#use !== undefined) this.#logger.info({ stats: this.stats }, 'task ended');
      },
    });
    this.closed = this.#lifetime.closed.then(() => this.#ending);
    this.#listen();
  }

  get failure(): UdfError | undefined {
    return this.#lifetime.failure;
  }

  get use(): TaskUse | undefined {
    return this.#use;
  }

  get stats(): AgentStats {
    const { pointsIn, pointsOut, batchesIn, batchesOut, bytesIn, bytesOut } = this.#counters;
    const { pointsDropped, snapshots, lastSnapshot } = this.#counters;
    const stats = this.#finalStats ?? this.#supervisor.stats;
    return {
      ...stats,
      pointsDropped: stats.pointsDropped + pointsDropped,
      // Those that Kapacitor got, without the internal ones.
      ...{ snapshots, lastSnapshot },
      // Counted here, they do not include what a second worker repeats.
      ...{ pointsIn, pointsOut, batchesIn, batchesOut, bytesIn, bytesOut },
      failures: this.failure ? { [this.failure.code]: 1 } : {},
      inputQueuedBytes: this.#feed.unhandledBytes,
      outputQueuedBytes: this.#output.queuedBytes,
      restarts: { ...this.#supervisor.faults.counts },
    };
  }

  drain(): Promise<void> {
    if (this.#lifetime.isOpen && !this.#input.ended) this.#endInput();
    return this.closed;
  }

  destroy(reason?: Error): void {
    this.#lifetime.destroy(reason);
  }

  async reload(): Promise<void> {
    if (this.#use === undefined || !this.#lifetime.isOpen || this.#input.ended) return;
    if (this.#inBatch) {
      await new Promise<void>((resolve) => {
        this.#reloadAtBatchEnd = resolve;
      });
      if (this.#ending) return;
    }
    await this.#supervisor.reload();
  }

  // ---- input ----

  #listen(): void {
    const { input, output } = this.#options.transport;
    input.on('data', (chunk: Buffer) => {
      this.#read(chunk);
    });
    input.once('end', () => {
      if (this.#input.midFrame || this.#inBatch) this.#lifetime.noteTruncatedInput();
      this.#endInput();
    });
    output.on('drain', () => {
      this.#output.flush();
      this.#supervisor.outputSent(this.#output.sentBytes);
      this.#settle();
    });
  }

  #read(chunk: Buffer): void {
    if (!this.#lifetime.isOpen || this.#input.ended) return;
    this.#counters.bytesIn += chunk.length;
    this.#output.beginTurn();
    try {
      this.#input.read(chunk);
      this.#keepRun();
    } catch (reason) {
      this.#fail(UdfError.from(reason));
    }
    this.#output.endTurn(false);
    // All chunks that the system has are read first: a worker that waits is then woken once.
    this.#passOn ??= setImmediate(() => {
      this.#passOn = undefined;
      this.#state.saveIfDue();
      this.#supervisor.advance(!this.#inBatch); // a no-op if the connection has failed
      this.#settle();
    });
    this.#settle();
  }

  #receive(buf: Buffer, frame: number, payload: number, end: number): void {
    switch (buf[payload]) {
      case pointTag0:
        this.#counters.pointsIn++;
        break;
      case beginTag0:
        this.#counters.batchesIn++;
        this.#inBatch = true;
        break;
      case endTag0:
        this.#inBatch = false;
        break;
      default:
        this.#request(decodeRequest(buf.subarray(payload, end)), buf.subarray(frame, end));
        return;
    }
    if (this.#use === undefined) throw new UdfError('protocol', 'data came before init');
    if (buf === this.#run && frame === this.#runEnd) {
      this.#runEnd = end;
      return;
    }
    this.#keepRun();
    this.#run = buf;
    this.#runStart = frame;
    this.#runEnd = end;
  }

  #keepRun(): void {
    if (this.#run === undefined) return;
    this.#feed.journal.append(this.#run, this.#runStart, this.#runEnd);
    this.#run = undefined;
    if (!this.#inBatch) {
      const reload = this.#reloadAtBatchEnd;
      this.#reloadAtBatchEnd = undefined;
      reload?.();
    }
  }

  #request(request: Request, frame: Buffer): void {
    this.#keepRun();
    switch (request.kind) {
      case 'keepalive':
        this.#output.send(encodeResponse(request));
        return;
      case 'info':
        this.#output.send(encodeResponse({ kind: 'info', ...this.#options.udf }));
        return;
      case 'init':
        this.#init(request, frame);
        return;
      case 'snapshot':
        this.#ready('a snapshot request');
        this.#snapshot(performance.now());
        return;
      case 'restore':
        this.#ready('a restore request');
        this.#restore(request.snapshot);
        return;
      default:
        throw new UdfError('malformed', `a message of kind "${request.kind}" begins like none of its kind`);
    }
  }

  #ready(what: string): void {
    if (this.#use === undefined) throw new UdfError('protocol', `${what} came before init`);
  }

  #init(request: Extract<Request, { kind: 'init' }>, frame: Buffer): void {
    if (this.#use !== undefined) throw new UdfError('protocol', 'init came twice');
    this.#use = { task: request.taskID, node: request.nodeID };
    this.#logger = this.#logger.child({ ...this.#use });
    const policy = request.options.find(({ name }) => name === 'onError')?.args[0]?.value;
    if (policy !== undefined) this.#onError = policy as ErrorPolicy; // the worker refuses any other value
    this.#state.start(this.#useId(), this.#logger);
    this.#supervisor.start(Buffer.from(frame), this.#logger);
  }

  #endInput(): void {
    this.#input.end();
    if (!this.#lifetime.isOpen) return;
    if (this.#use === undefined) {
      this.#lifetime.close();
      return;
    }
    this.#pause.end();
    this.#output.startHeartbeat();
    this.#state.saveAtEnd();
    this.#supervisor.end();
  }

  /** To be called after init. */
  #useId(): UseId {
    return { ...this.#use!, udf: this.#options.udf.name };
  }

  #snapshot(requestedAt: number): void {
    this.#state.snapshot(({ pieces, size }) => {
      if (!this.#lifetime.isOpen) return;
      const frameBytes = this.#output.sendExempt([snapshotFrameStart(size), ...pieces]);
      this.#counters.snapshotSince(requestedAt, frameBytes);
    });
  }

  #restore(snapshot: Uint8Array): void {
    this.#state.restore(snapshot, (refusal) => {
      if (!this.#lifetime.isOpen) return;
      if (refusal) {
        this.#respond(refusedRestore(this.#options.udf.name, refusal));
        this.#refused(refusal);
      } else this.#respond({ kind: 'restore', success: true, error: '' });
    });
  }

  /** Ends the worker, whose state is stored before if possible. */
  #end(): Promise<void> {
    // A worker that repeats input to give its state would count it again.
    if (this.#state.isUnsaved) this.#finalStats = this.#supervisor.stats;
    this.#keepRun();
    return this.#state.end(this.#lastPosition ?? this.#feed.journal.end);
  }

  // ---- output ----

  #forward(buf: Buffer, frame: number, payload: number, end: number): void {
    switch (buf[payload]) {
      case pointTag0:
        this.#counters.pointsOut++;
        break;
      case beginTag0:
        this.#counters.batchesOut++;
        break;
      case endTag0:
        break;
      default:
        this.#fail(new UdfError('internal', `the worker wrote a message with tag ${buf[payload]}`));
        return;
    }
    try {
      this.#output.data(buf, frame, end);
    } catch (reason) {
      this.#fail(UdfError.from(reason));
    }
  }

  #respond(response: Response): void {
    try {
      if (response.kind === 'init' && response.success) this.#logger.info({}, 'task started');
      this.#output.send(encodeResponse(response));
    } catch (reason) {
      this.#fail(UdfError.from(reason));
    }
  }

  /** Pauses or resumes reading, of Kapacitor's side and of the worker's. */
  #settle(): void {
    if (!this.#lifetime.isOpen) return;
    const { blocked } = this.#output;
    this.#supervisor.setOutputPaused(blocked);
    if (this.#input.ended) return;
    const { journal, unhandledBytes } = this.#feed;
    const maxJournal = this.#inBatch ? this.#maxBatchJournalBytes : this.#maxJournalBytes;
    if (this.#inBatch && journal.size > maxJournal) {
      this.#fail(
        new UdfError('limit', `a batch takes more than ${maxJournal} bytes (batchBytes, journalBytes)`),
      );
      return;
    }
    // Resumes once half of it is handled: to pause and resume for each chunk would cost more than the chunk.
    const maxReadAhead = this.#pause.isPaused ? this.#maxReadAheadBytes / 2 : this.#maxReadAheadBytes;
    // While a worker is replaced, keepalives among the input are to be answered: the journal's own limit holds.
    const isFull = unhandledBytes > maxReadAhead && !this.#supervisor.isWaiting;
    this.#pause.set(blocked || isFull || journal.size > maxJournal);
  }

  // ---- faults ----

  /** Applies the error policy to input that has ended two workers. Returns whether the conversation goes on. */
  #poison(frame: Span, reason: string): boolean {
    const { udf } = this.#options;
    const { journal } = this.#feed;
    const batch = wholeBatch(journal, frame, udf);
    const span = batch ?? frame;
    const what = describeInput(journal, span);
    if (this.#onError === 'stop' || Number.isNaN(span.end)) {
      this.#lastPosition = frame.start;
      this.#fail(new UdfError('handler', `${reason}, twice on ${what}`));
      return false;
    }
    // Within a batch that a UDF handles point by point, only the worker could pass a point on.
    const passes = this.#onError === 'pass' && (batch !== undefined || udf.wants === 'stream');
    const frames = passes ? journal.copy(span) : undefined;
    if (!passes) {
      this.#counters.pointsDropped += countPoints(journal, span);
      const { deadLetters } = this.#options;
      if (deadLetters) addPoisonLetters(deadLetters, this.#useId(), journal, span, `${reason}, twice`);
    }
    this.#feed.leaveOut(
      span,
      frames &&
        (() => {
          this.#passPoison(frames);
        }),
    );
    this.#logger.error(
      { code: 'handler' },
      capText(`${udf.name}: ${reason}, twice on ${what}; ${passes ? 'passed on unchanged' : 'dropped'}`),
    );
    return true;
  }

  #passPoison(frames: Buffer): void {
    const reader = new FrameReader(Infinity, (buf, frame, payload, end) => {
      this.#forward(buf, frame, payload, end);
    });
    reader.push(frames);
  }

  #refused(error: UdfError): void {
    this.#lifetime.noteFailure(error);
    this.#lifetime.close(lastReadTimeoutMs);
  }

  /** Forwards the UDF's own error response, after which Kapacitor ends the task. */
  #failedByUdf(frame: Buffer): void {
    this.#lifetime.noteFailure(new UdfError('handler', 'the UDF has ended the task'));
    this.#output.sendError(frame);
    this.#lifetime.close(lastReadTimeoutMs, true);
  }

  #fail(error: UdfError): void {
    if (!this.#lifetime.isOpen) return;
    this.#lifetime.noteFailure(error);
    const level = error.code === 'internal' || error.code === 'handler' ? 'error' : 'warn';
    this.#logger[level]({ code: error.code, err: error }, capText(`connection ends: ${error.message}`));
    const { name } = this.#options.udf;
    const task = this.#use ? `task ${this.#use.task}: ` : '';
    this.#output.sendError(
      encodeResponse({ kind: 'error', error: capText(`${name}: ${task}${error.message}`) }),
    );
    this.#lifetime.close(lastReadTimeoutMs, true);
  }
}
