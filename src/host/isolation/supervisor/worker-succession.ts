import type { InstanceDefaults } from '../../../agent/defaults.js';
import type { Limits } from '../../../agent/limits.js';
import type { Revision } from '../../../agent/state/header.js';
import type { DeadLetter } from '../../../model/dead-letters.js';
import { UdfError } from '../../../model/errors.js';
import { type AgentStats, noStats, sumOfStats } from '../../../model/statistics.js';
import type { Logger } from '../../../telemetry/logger.js';
import type { Response } from '../../../wire/messages.js';
import { checkUdf, launch, type Launched } from '../worker/launch.js';
import type { UdfInfo } from '../worker/messages.js';
import type { UdfWorker, UdfWorkerEvents } from '../worker/udf-worker.js';
import type { OutputProgress } from '../worker/worker-output.js';
import type { WorkerEnd } from '../worker/worker-end.js';
import type { WorkerSource } from '../worker/worker-supply.js';
import type { Feed } from './feed.js';
import type { RefusedRuns, WorkerRun } from './refused-runs.js';
import { ReportFilter } from './repeated-reports.js';

export interface WorkerSuccessionOptions {
  readonly workers: WorkerSource;
  readonly udf: UdfInfo;
  readonly feed: Feed;
  readonly defaults: InstanceDefaults;
  readonly limits: Limits;
  /** Whether dropped points are kept. */
  readonly keepsLetters: boolean;
  readonly refused: RefusedRuns;
  /** The time of a worker's clock whose state is that at a position; `undefined` if it has the system's clock. */
  readonly timeAt: ((position: number) => bigint | undefined) | undefined;
}

/** What the life of the workers calls. */
export interface WorkerSuccessionEvents {
  /** A frame of the current worker's output. */
  output(buf: Buffer, frame: number, payload: number, end: number): void;
  /** Sends the output so far. */
  flush(): OutputProgress;
  /** The error policy has dropped points. */
  letter(letter: DeadLetter): void;
  /** The first worker's answer to Kapacitor's init. With `refusal`, the connection is to end after it. */
  respond(response: Response, refusal?: UdfError): void;
  /** A worker has the task and the state: it can be fed. */
  prepared(worker: UdfWorker): void;
  /** The current worker has handled input, or has room for more. */
  ready(): void;
  /** The UDF has ended the conversation by this error response. */
  failed(frame: Buffer): void;
  /** All output has come, after the end of the input. */
  done(): void;
  /** The current worker has ended by a fault. */
  ended(end: WorkerEnd): void;
  /** No worker can be started with the task or its state. */
  giveUp(error: UdfError): void;
}

/** What the next worker starts with: a state, and the position in the input that it belongs to. */
interface Base {
  readonly position: number;
  readonly snapshot: Uint8Array | undefined;
  /** The worker's clock at that position; `undefined` if it uses the system's clock. */
  readonly time: bigint | undefined;
  /** The totals of all workers at that position. */
  readonly stats: AgentStats;
}

/**
 * The workers of a connection, one after another. Each starts with the last snapshot of the one before and repeats the input
 * since then; what it reports a second time is dropped.
 */
export class WorkerSuccession {
  readonly #options: WorkerSuccessionOptions;
  readonly #feed: Feed;
  readonly #events: WorkerSuccessionEvents;
  readonly #lines = new ReportFilter();
  readonly #letters = new ReportFilter();
  /** Set by `start`. */
  #init!: Buffer;
  #logger!: Logger;
  #isInitAnswered = false;
  #current: UdfWorker | undefined;
  #base: Base;
  /** The position of the state that the current worker was started with. */
  #startedFrom = 0;
  /** Log lines about refused runs: each worker repeats them. */
  readonly #refusals = new Set<string>();
  /** The totals at the state that the current worker started with. */
  #carried: AgentStats = noStats;
  #newerThan: Revision | undefined;
  #isOutputPaused = false;
  #hasEnded = false;
  #restartTimer: NodeJS.Timeout | undefined;

  constructor(options: WorkerSuccessionOptions, events: WorkerSuccessionEvents) {
    this.#options = options;
    this.#feed = options.feed;
    this.#events = events;
    this.#base = { position: 0, snapshot: undefined, time: undefined, stats: noStats };
  }

  /** The worker that has the connection, also while it starts. */
  get current(): UdfWorker | undefined {
    return this.#current;
  }

  /** The totals of all workers. After a worker's end they are those at its last snapshot for a moment. */
  get stats(): AgentStats {
    return this.#current?.stats ? sumOfStats(this.#carried, this.#current.stats) : this.#carried;
  }

  /** The position of the state that the next worker would start with. */
  get basePosition(): number {
    return this.#base.position;
  }

  /** The handler that the current worker runs, or ran at its end. */
  get currentRun(): WorkerRun | undefined {
    const run = this.#current?.currentRun;
    return run && { ...run, base: this.#startedFrom };
  }

  /** The end of the frame that the current worker has begun last. */
  get begunPosition(): number {
    return this.#startedFrom + (this.#current?.begunBytes ?? 0);
  }

  /** The state that the next worker would start with; `undefined` for a fresh one. */
  get baseSnapshot(): Uint8Array | undefined {
    return this.#base.snapshot;
  }

  /** Starts the first worker. `init` is Kapacitor's request, whose answer follows; `logger` names the task. */
  start(init: Buffer, logger: Logger): void {
    this.#init = init;
    this.#logger = logger;
    this.#base = { ...this.#base, time: this.#options.timeAt?.(0) };
    this.startNext(0);
  }

  /** Starts a worker after `delayMs`. To be called when there is none. */
  startNext(delayMs: number): void {
    if (delayMs === 0) void this.#startWorker();
    else this.#restartTimer = setTimeout(() => void this.#startWorker(), delayMs);
  }

  /** Keeps the state at the handled input as what the next worker starts with; without a snapshot, a fresh one. */
  setBase(snapshot: Uint8Array | undefined): void {
    const position = this.#feed.acknowledged;
    const time = this.#options.timeAt?.(position);
    this.#base = { position, snapshot, time, stats: { ...this.stats, groups: 0 } };
    this.#feed.journal.release(position);
    this.#options.refused.release(position);
  }

  /** Snapshots of the next workers are to be newer than `revision`. */
  supersede(revision: Revision | undefined): void {
    this.#newerThan = revision;
  }

  /** A worker for `handOver`. Rejects with `invalid_module` if Kapacitor would notice the difference. */
  async prepare(): Promise<UdfWorker> {
    const next = this.#options.workers.take();
    try {
      await checkUdf(next, this.#options.udf);
    } catch (reason) {
      next.terminate();
      throw reason;
    }
    return next;
  }

  /**
   * Lets `next` continue from the base, where the current worker is. Rejects with `snapshot_migration`, `handler` or
   * `invalid_module` if it cannot: the current worker stays.
   */
  async handOver(next: UdfWorker): Promise<void> {
    const { init, problem } = await Promise.race([this.#launch(next), endOf(next)]);
    if (!init.success) throw new UdfError('handler', init.error);
    if (problem) throw problem;
    if (this.#hasEnded) throw new UdfError('connection', 'the connection has ended');
    this.#current?.terminate();
    this.#feedFromBase(next);
  }

  /** Stops or continues reading the output. */
  setOutputPaused(isPaused: boolean): void {
    this.#isOutputPaused = isPaused;
    this.#current?.setPaused(isPaused);
  }

  get isOutputPaused(): boolean {
    return this.#isOutputPaused;
  }

  /** Ends the current worker; no event follows. */
  discard(): void {
    this.#feed.stop();
    this.#current?.terminate();
    this.#current = undefined;
  }

  /** Ends the current worker and starts no other. */
  destroy(): void {
    this.#hasEnded = true;
    clearTimeout(this.#restartTimer);
    this.#carried = this.stats;
    this.discard();
  }

  async #startWorker(): Promise<void> {
    const { workers, udf } = this.#options;
    const worker = workers.take();
    this.#current = worker;
    this.#carried = this.#base.stats;
    try {
      await checkUdf(worker, udf);
    } catch (reason) {
      worker.terminate();
      if (worker === this.#current) this.#startFailed(UdfError.from(reason));
      return;
    }
    if (this.#hasEnded) return;
    const { init, problem } = await this.#launch(worker);
    if (!this.#isInitAnswered) {
      if (worker !== this.#current) return; // it has ended, or the connection
      this.#isInitAnswered = true;
      this.#events.respond(init, init.success ? undefined : new UdfError('invalid_options', init.error));
      if (!init.success) return;
    }
    if (worker !== this.#current) return;
    const failure = init.success ? problem : new UdfError('handler', init.error);
    if (failure) this.#events.giveUp(failure);
    else {
      this.#feedFromBase(worker);
      this.#events.prepared(worker);
    }
  }

  #startFailed(error: UdfError): void {
    const isLoadError = error.code === 'invalid_module';
    if (isLoadError && !this.#isInitAnswered) {
      this.#events.giveUp(error);
      return;
    }
    const cause = isLoadError ? 'load' : 'exit';
    this.#events.ended({ cause, text: `cannot be started: ${error.message}`, error });
  }

  #launch(worker: UdfWorker): Promise<Launched> {
    const { udf, defaults, limits, keepsLetters, refused } = this.#options;
    const { position, snapshot, time } = this.#base;
    return launch(worker, {
      udf,
      defaults,
      limits,
      keepsLetters,
      init: this.#init,
      refused: refused.from(position),
      snapshot,
      time,
      newerThan: this.#newerThan,
      sequentialBytes: this.#feed.farthest - position,
      logger: this.#logger,
      events: this.#eventsOf(worker),
    });
  }

  /** Feeds a launched worker, which has the base's state. */
  #feedFromBase(worker: UdfWorker): void {
    this.#current = worker;
    this.#carried = this.#base.stats;
    this.#startedFrom = this.#base.position;
    worker.setPaused(this.#isOutputPaused);
    this.#feed.begin(worker, this.#base.position);
  }

  /** What a worker calls; ignored when it is not the current one. */
  #eventsOf(worker: UdfWorker): UdfWorkerEvents {
    const events = this.#events;
    const ifCurrent = (call: () => void): void => {
      if (worker === this.#current && !this.#hasEnded) call();
    };
    const start = this.#base.position;
    const positionOf = (begun: number): number => start + begun;
    const lines = this.#lines.next(positionOf);
    const letters = this.#letters.next(positionOf);
    return {
      isNewLine: (begun, text, isRefusal) => {
        if (!isRefusal) return lines.isNew(begun, text);
        const isNew = !this.#refusals.has(text);
        this.#refusals.add(text);
        return isNew;
      },
      refused: () => {
        if (worker === this.#current) this.#feed.refused();
      },
      letter: (letter, begun) => {
        if (letters.isNew(begun)) events.letter(letter);
      },
      output: (buf, frame, payload, end) => {
        if (worker === this.#current) events.output(buf, frame, payload, end);
      },
      flush: () => events.flush(),
      handled: (ack) => {
        ifCurrent(() => {
          this.#feed.handled(ack);
          events.ready();
        });
      },
      ready: () => {
        ifCurrent(() => {
          events.ready();
        });
      },
      failed: (frame) => {
        ifCurrent(() => {
          events.failed(frame);
        });
      },
      done: () => {
        ifCurrent(() => {
          events.done();
        });
      },
      ended: (end) => {
        ifCurrent(() => {
          events.ended(end);
        });
      },
    };
  }
}

/** Rejects when a worker has ended. */
async function endOf(worker: UdfWorker): Promise<never> {
  const { text } = await worker.exited;
  throw new UdfError('invalid_module', `the new worker ${text}`);
}
