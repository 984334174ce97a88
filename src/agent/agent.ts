import { isUdfError, UdfError } from '../model/errors.js';
import type { AgentStats, TaskUse } from '../model/statistics.js';
import type { Transport } from '../transport/transport.js';
import { withAuthorPlace } from '../udf/author-place.js';
import { infoTag, initTag, restoreTag, snapshotTag } from '../wire/tags.js';
import { stopRequest, timerRequest, unwatched, type UseActivity } from './activity.js';
import { defaultsProblem } from './defaults.js';
import { EndGuard } from './end-guard.js';
import { failConnection } from './connection-failure.js';
import { Input, maxReadBytes } from './input.js';
import type { Agent, AgentOptions, DataObserver, MaybePromise } from './interface.js';
import { lastReadTimeoutMs, Lifetime, outputEvents } from './lifetime.js';
import { type Limits, resolveLimits } from './limits.js';
import { Output } from './output.js';
import { OutputGuard } from './output-guard.js';
import { PendingWork } from './pending-work.js';
import { ProgressReport } from './progress-report.js';
import { Session } from './session.js';
import { StateKeeper } from './state-keeper.js';
import { IdleTurns } from './timers/idle-turns.js';
import { SystemClock, type WallClock } from './timers/wall-clock.js';
import { Counters } from './counters.js';

export { refusalMark } from './interface.js';
export type { Agent, AgentOptions, DataObserver, Progress } from './interface.js';

/**
 * Serves a UDF on one connection. Errors while serving end that connection only: they are logged and, if Kapacitor still
 * reads, sent as the error that it shows for the task.
 *
 * Throws `invalid_argument` if a limit or default is invalid.
 */
export function createAgent(options: AgentOptions): Agent {
  const problem = defaultsProblem(options);
  if (problem !== undefined) throw new UdfError('invalid_argument', problem);
  return new ConnectionAgent(options, resolveLimits(options.limits));
}

/**
 * One connection. Requests are handled sequentially.
 *
 * A frame is handled as soon as it is read. It is queued if an async handler, a snapshot or a restore is under way, or if
 * Kapacitor does not read. Keepalives are never queued. When the queue is full, reading pauses and heartbeats are sent.
 */
class ConnectionAgent implements Agent {
  readonly #udf: string;
  readonly #activity: UseActivity;
  readonly #counters = new Counters();
  readonly #abort = new AbortController();
  readonly #input: Input;
  readonly #output: Output;
  readonly #session: Session;
  readonly #lifetime: Lifetime;
  readonly #state: StateKeeper;
  /** Resolves when the connection is closed and its last state handed to the store. */
  readonly closed: Promise<void>;
  /** Set where input can be repeated to another agent. */
  readonly #report: ProgressReport | undefined;
  readonly #pending: PendingWork;
  readonly #clock: WallClock;
  /** Turns for timers of the idle clock; `undefined` where the input has ticks for them, or its driver owns the time. */
  readonly #idleTurns: IdleTurns | undefined;
  /** Whether time passes after each input, as in tests and replays: timers of the idle clock fire then. */
  readonly #isIdleBetweenInput: boolean;
  /** Whether the wall clock has reached a timer. */
  #isTimerDue = false;
  /** Whether `destroy` was called: output that is lost after that is not logged. */
  #isDestroyed = false;

  constructor(options: AgentOptions, limits: Limits) {
    const { definition, transport, progress } = options;
    this.#udf = definition.name;
    this.#activity = options.activity ?? unwatched;
    this.#output = new Output(transport.output, this.#counters, limits.outputBytes);
    const guard = new OutputGuard(definition, this.#output, limits.batchBytes, this.#abort.signal, {
      refuse: (reason) => {
        this.#refuse(reason);
      },
      late: () => {
        if (this.#isDestroyed) return;
        const message = 'emit was called after the connection had ended: what it emits is lost';
        this.#session.logger.warn({}, message);
      },
    });
    this.#pending = new PendingWork({
      activity: this.#activity,
      limits,
      output: this.#output,
      fail: (reason) => {
        this.#fail(reason);
      },
      settled: () => {
        if (!this.#lifetime.isOpen) void this.#saveLastState();
        this.#saveStateIfDue();
        this.#handleQueued();
      },
    });
    this.#report = progress && new ProgressReport(progress, this.#counters, this.#output);
    const onDue = (): void => {
      this.#settle();
    };
    // Where input can be repeated, an agent is not the only one of its task: its host logs start, end and refusals.
    const isLogged = progress === undefined;
    this.#state = new StateKeeper({ ...options, udf: definition.name, limits, isLogged, onDue });
    this.#clock =
      options.clock ??
      new SystemClock(() => {
        this.#isTimerDue = true;
        this.#handleQueued();
      });
    this.#isIdleBetweenInput = options.clock !== undefined && progress === undefined;
    this.#idleTurns = options.clock === undefined ? this.#createIdleTurns() : undefined;
    this.#session = new Session({
      ...options,
      state: this.#state,
      limits,
      logger: options.logger.child({ udf: definition.name }),
      output: this.#output,
      guard,
      counters: this.#counters,
      signal: this.#abort.signal,
      isLogged,
      newerThan: progress?.newerThan,
      runs: progress?.runs,
      ahead: this.#report?.ahead,
      close: (reason) => {
        this.#lifetime.noteFailure(reason);
        this.#lifetime.close({ timeoutMs: lastReadTimeoutMs });
      },
      batchEnded: () => {
        this.#saveStateIfDue();
        this.#fireTimersIfDue();
      },
      startTimeLimit: this.#pending.startTimeLimit,
      startCallTimeLimit: progress?.startCallTimer ?? this.#pending.startTimeLimit,
      clock: this.#clock,
      callHooks: {
        fail: (reason) => {
          this.#fail(reason);
        },
        late: () => {
          const message = 'emit was called after its call had ended: what it emits is lost';
          this.#session.logger.warn({}, message);
        },
        setFull: (isFull) => {
          this.#pending.setFull(isFull);
        },
        ended: () => {
          if (!this.#lifetime.isOpen) void this.#saveLastState();
          this.#handleQueued();
        },
      },
    });
    this.#input = new Input(transport.input, limits, (buf, frame, payload, end) => {
      this.#receive(buf, frame, payload, end);
    });
    const endGuard = new EndGuard(this.#output, options.guardsEnd === true);
    this.#lifetime = new Lifetime(transport, {
      ...outputEvents(this.#output, endGuard, () => this.#session.logger),
      stopWork: () => {
        this.#input.stop();
        this.#session.endTimers();
        this.#output.end();
        this.#abort.abort();
        void this.#saveLastState();
      },
      closed: () => {
        this.#activity.closed();
        if (this.#session.started && isLogged) {
          this.#session.logger.info({ stats: this.stats }, 'task ended');
        }
      },
    });
    this.closed = this.#lifetime.closed.then(() => this.#state.lastSave);
    this.#listen(transport, endGuard);
  }

  get failure(): UdfError | undefined {
    return this.#lifetime.failure;
  }

  get use(): TaskUse | undefined {
    return this.#session.use;
  }

  get stats(): AgentStats {
    return {
      ...this.#counters.copy(),
      ...this.#session.groupCounts,
      failures: this.failure ? { [this.failure.code]: 1 } : {},
      inputQueuedBytes: this.#input.queuedBytes,
      outputQueuedBytes: this.#output.queuedBytes,
      restarts: {},
    };
  }

  observe(observer: DataObserver | undefined): void {
    this.#input.observe(observer?.input);
    this.#output.observer = observer?.output;
  }

  drain(): Promise<void> {
    if (this.#lifetime.isOpen && !this.#input.ended) {
      this.#input.end();
      this.#settle();
    }
    return this.closed;
  }

  destroy(reason?: Error): void {
    this.#isDestroyed = true;
    this.#lifetime.destroy(reason);
  }

  #listen({ input, output }: Transport, endGuard: EndGuard): void {
    input.on('data', (chunk: Buffer) => {
      this.#read(chunk);
    });
    input.once('end', () => {
      this.#input.end();
      if (this.#session.started) endGuard.inputEnded();
      if (this.#input.midFrame || this.#session.inBatch) this.#lifetime.noteTruncatedInput();
      this.#settle();
    });
    output.on('drain', () => {
      this.#output.flush();
      this.#handleQueued(true);
    });
  }

  #read(chunk: Buffer): void {
    if (!this.#lifetime.isOpen || this.#input.ended) return;
    this.#counters.bytesIn += chunk.length;
    this.#turn(() => {
      this.#input.read(chunk);
    }, chunk.length >= maxReadBytes);
  }

  #createIdleTurns(): IdleTurns {
    return new IdleTurns({
      clock: this.#clock,
      bytesIn: () => this.#counters.bytesIn,
      isReady: () => this.#isReadyForTimers && this.#lifetime.isOpen && !this.#input.ended,
      fire: (isOver) => {
        this.#turn(() => {
          this.#activity.request(timerRequest);
          do {
            const fired = this.#session.nextIdleTimer();
            if (fired) this.#pending.await(this.#counters.timed(fired));
          } while (this.#clock.wantsIdle && this.#isReadyForTimers && !isOver());
        });
      },
    });
  }

  /** Fires all timers of the idle clock after the handling of input, `handled`. */
  #fireAllIdleTimers(handled: MaybePromise): MaybePromise {
    const fire = (): MaybePromise =>
      this.#session.inStreamedBatch ? undefined : this.#session.allIdleTimers();
    return handled ? handled.then(fire) : fire();
  }

  /** Handles a frame, or queues it. */
  #receive(buf: Buffer, frame: number, payload: number, end: number): void {
    if (!this.#pending.isBusy && this.#input.isEmpty && !this.#output.blocked) {
      this.#handle(buf, frame, payload, end);
    } else if (!this.#session.answerKeepalive(buf, payload, end)) {
      this.#input.push({ buf, frame, payload, end });
    }
  }

  /**
   * Rethrows the error of an invalid emit to the handler that emitted. An emit outside of any handler (in a timer of the
   * UDF) fails the connection instead: nothing could catch the error, and the process would exit.
   */
  #refuse(reason: unknown): void {
    const isCaught = this.#output.inTurn || this.#pending.isBusy;
    // A limit ends the connection even if the author's code catches the error.
    if (!isCaught) this.#fail(withAuthorPlace(UdfError.from(reason)));
    else if (isUdfError(reason) && reason.code === 'limit') this.#fail(reason);
    if (isCaught) throw reason;
  }

  #handle(buf: Buffer, frame: number, payload: number, end: number): void {
    this.#activity.request(buf[payload] ?? 0);
    this.#report?.begin(buf[payload]!, end - frame, this.#session.calls?.hasUnfinished !== true);
    let result = this.#session.handle(buf, frame, payload, end);
    if (this.#isIdleBetweenInput) result = this.#fireAllIdleTimers(result);
    if (!result) return;
    const tag = buf[payload];
    // Snapshots, restores, which init may do too, and info, which waits for calls, are no time of handlers.
    if (tag === snapshotTag || tag === restoreTag || tag === initTag || tag === infoTag) {
      this.#pending.await(result, end - frame);
    } else {
      this.#pending.await(this.#counters.timed(result), end - frame);
    }
  }

  /** Saves the state between two requests, if it is due. */
  #saveStateIfDue(): void {
    if (!this.#state.due || this.#pending.isBusy || this.#session.inStreamedBatch) return;
    const idle = this.#session.calls?.idle();
    this.#pending.await(idle ? idle.then(() => this.#state.step()) : this.#state.step());
  }

  /** Saves the state for the last time; not while an async handler or half of a batch may have changed it. */
  #saveLastState(): Promise<void> | undefined {
    if (this.#pending.isBusy || this.#session.inStreamedBatch || this.#session.calls?.isBusy === true) {
      return undefined;
    }
    return this.#state.saveLast();
  }

  /** Whether timers may fire now: no call is under way, nor a batch whose points change the state one by one. */
  get #isReadyForTimers(): boolean {
    if (this.#pending.isBusy || this.#output.blocked) return false;
    return !this.#session.inStreamedBatch && this.#session.calls?.isBusy !== true;
  }

  /** Fires the timers of the wall clock between two requests, if some are due. */
  #fireTimersIfDue(): void {
    if (!this.#isTimerDue || this.#input.ended || !this.#isReadyForTimers) return;
    this.#isTimerDue = false;
    this.#activity.request(timerRequest);
    const fired = this.#session.fireTimers();
    if (fired) this.#pending.await(this.#counters.timed(fired));
  }

  /** `startsCalls`: calls may have waited for the output. */
  #handleQueued(startsCalls = false): void {
    this.#turn(() => {
      if (startsCalls) this.#session.calls?.start();
      this.#fireTimersIfDue();
      while (
        !this.#pending.isBusy &&
        !this.#input.isEmpty &&
        !this.#output.blocked &&
        this.#lifetime.isOpen
      ) {
        const { buf, frame, payload, end } = this.#input.shift();
        this.#handle(buf, frame, payload, end);
        this.#fireTimersIfDue();
      }
    });
  }

  /** Runs `work` as one turn of the output. `expectsMore`: more input is likely to be waiting. */
  #turn(work: () => void, expectsMore = false): void {
    if (!this.#lifetime.isOpen) return;
    const start = performance.now();
    this.#output.beginTurn();
    this.#activity.enter();
    try {
      work();
    } catch (reason) {
      this.#fail(reason);
    }
    // Where input can be repeated, output is never postponed.
    this.#output.endTurn(expectsMore && this.#report === undefined);
    this.#counters.handledSince(start);
    // Not while output waits for the stream to drain: an acknowledgement must not overtake it.
    if (this.#report !== undefined && this.#output.isWritten) {
      // Only a prefix of the input counts: calls that have ended behind one that has not are repeated with it.
      const { bytes, frames } = this.#session.calls?.unfinished ?? this.#pending.unfinished;
      const handled = this.#counters.bytesIn - this.#input.unhandledBytes - bytes;
      this.#report.handled(handled, frames);
    }
    this.#settle();
    this.#activity.leave();
  }

  /** After each turn: pauses or resumes reading, or ends the conversation once all input is handled. */
  #settle(): void {
    if (!this.#lifetime.isOpen) return;
    this.#saveStateIfDue();
    if (this.#input.ended) {
      if (!this.#pending.isBusy && this.#input.isEmpty) this.#finish();
      if (this.#pending.isBusy) this.#output.startHeartbeat();
      return;
    }
    const { blocked } = this.#output;
    const shouldPause = blocked || this.#input.isFull;
    // While Kapacitor does not read, a heartbeat would only add to the unread output.
    if (shouldPause && !blocked) this.#output.startHeartbeat();
    else this.#output.stopHeartbeat();
    this.#input.setPaused(shouldPause);
    this.#idleTurns?.request();
  }

  /**
   * Handles points that wait, fires the timers of the idle clock, saves the state, calls the UDF's `stop` handlers, then
   * closes. To be called when all input is handled, and again after each of these. Saves before `stop`, which may emit and
   * clear what is unfinished: a restarted task is to continue it.
   */
  #finish(): void {
    this.#activity.enter(stopRequest);
    const waiting = this.#inTurn(
      () => this.#session.flush() ?? this.#session.calls?.idle() ?? this.#session.allIdleTimers(),
    );
    if (!this.#lifetime.isOpen) return;
    if (!waiting) this.#session.endTimers();
    const stopping = waiting ?? this.#saveLastState() ?? this.#session.stop();
    if (stopping) this.#pending.await(stopping);
    else this.#lifetime.close();
    this.#activity.leave();
  }

  #inTurn(work: () => MaybePromise): MaybePromise {
    this.#output.beginTurn();
    try {
      return work();
    } catch (reason) {
      this.#fail(reason);
    } finally {
      this.#output.endTurn(false);
    }
  }

  #fail(reason: unknown): void {
    failConnection(UdfError.from(reason), {
      udf: this.#udf,
      use: this.#session.use,
      lifetime: this.#lifetime,
      logger: this.#session.logger,
    });
  }
}
