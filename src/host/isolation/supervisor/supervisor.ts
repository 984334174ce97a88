import type { InstanceDefaults } from '../../../agent/defaults.js';
import type { Revision } from '../../../agent/state/header.js';
import type { Snapshot } from '../../../agent/state/snapshot.js';
import type { Limits } from '../../../agent/limits.js';
import { UdfError } from '../../../model/errors.js';
import type { DeadLetter } from '../../../model/dead-letters.js';
import { type AgentStats, noStats, sumOfStats } from '../../../model/statistics.js';
import type { Logger } from '../../../telemetry/logger.js';
import type { Response } from '../../../wire/messages.js';
import { Faults, type Remedy, type Stage } from './faults.js';
import type { Feed } from './feed.js';
import { checkIntervalMs, HangDetector } from './hang-detector.js';
import type { Span } from './journal.js';
import { checkUdf, launch, type Launched } from '../worker/launch.js';
import type { UdfInfo } from '../worker/messages.js';
import { batchStart } from './poison.js';
import { ReportFilter } from './repeated-reports.js';
import { SnapshotSchedule } from './snapshot-schedule.js';
import type { OutputProgress, UdfWorker, UdfWorkerEvents, WorkerEnd } from '../worker/udf-worker.js';
import type { WorkerSupply } from '../worker/worker-supply.js';
import { WorkerState } from './worker-state.js';

/** What a supervisor calls. */
export interface SupervisorEvents {
  /** A new frame of the UDF's output. */
  output(buf: Buffer, frame: number, payload: number, end: number): void;
  /** Sends the output so far. */
  flush(): OutputProgress;
  /** The answer to Kapacitor's init. With `refusal`, the connection is to end after it. */
  respond(response: Response, refusal?: UdfError): void;
  /** The error policy has dropped points. */
  letter(letter: DeadLetter): void;
  /** A snapshot was taken that nobody has asked for. */
  snapshotTaken(snapshot: Snapshot): void;
  /** The UDF has ended the conversation by this error response, after the input up to `position`. */
  failed(frame: Buffer, position: number): void;
  /** The conversation cannot go on. */
  giveUp(error: UdfError): void;
  /** All output has come, after `end`. */
  done(): void;
  /** More input may be taken now. */
  progress(): void;
  /** A part of the input has ended workers twice. Returns whether the conversation goes on without it. */
  poison(span: Span, reason: string): boolean;
}

export interface SupervisorOptions {
  readonly workers: WorkerSupply;
  readonly logger: Logger;
  readonly udf: UdfInfo;
  readonly feed: Feed;
  readonly defaults: InstanceDefaults;
  readonly limits: Limits;
  readonly snapshotIntervalMs: number;
  /** Whether dropped points are kept. */
  readonly keepsLetters: boolean;
  readonly events: SupervisorEvents;
}

/** A state, and the position in the input that it belongs to. */
interface Base {
  readonly position: number;
  readonly snapshot: Uint8Array | undefined;
  /** The totals of all workers at that position. */
  readonly stats: AgentStats;
}

/** Something to do once all input before a position is handled. */
interface Step {
  readonly kind: 'snapshot' | 'restore' | 'reload';
  readonly at: number;
  run(worker: UdfWorker): Promise<void>;
  /** Called instead of another `run` if the worker ends meanwhile. */
  readonly abandon: (() => void) | undefined;
}

/** A worker has to load its modules in this time at least. */
const minStartMs = 10_000;

/** What is done with the last state, before all ends. */
type LastFlow = () => Promise<void>;

/** Keeps a connection's UDF running: one worker after another, each with the state of the one before. */
export class Supervisor {
  readonly faults = new Faults();
  /** For `withState`. */
  readonly state: WorkerState;
  readonly #options: SupervisorOptions;
  readonly #feed: Feed;
  readonly #events: SupervisorEvents;
  readonly #schedule: SnapshotSchedule;
  readonly #hangs: HangDetector;
  readonly #timer: NodeJS.Timeout;
  #logger: Logger;
  #worker: UdfWorker | undefined;
  #init: Buffer | undefined;
  #isInitAnswered = false;
  readonly #lines = new ReportFilter();
  readonly #letters = new ReportFilter();
  #newerThan: Revision | undefined;
  #last: LastFlow | undefined;
  #base: Base = { position: 0, snapshot: undefined, stats: noStats };
  /** The totals at the state that the current worker started with. */
  #carried: AgentStats = noStats;
  #stage: 'start' | 'input' | Step['kind'] | 'stop' = 'start';
  readonly #steps: Step[] = [];
  /** Whether the current step is between batches, so that a worker can start with the state there. */
  #isBetweenBatches = true;
  #isOutputPaused = false;
  #isInputEnded = false;
  #hasEnded = false;
  #restartTimer: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    const { limits } = options;
    this.#options = options;
    this.#feed = options.feed;
    this.#events = options.events;
    this.#logger = options.logger;
    this.#schedule = new SnapshotSchedule(limits.journalBytes, options.snapshotIntervalMs);
    this.state = new WorkerState(options.udf.isStateful, () => this.#feed.acknowledged, {
      snapshotStarted: () => {
        this.#schedule.started();
      },
      snapshotTaken: (snapshot) => {
        this.#schedule.ended();
        if (this.#isBetweenBatches) this.#setBase(snapshot);
      },
      replaced: (snapshot, revision) => {
        this.#newerThan = revision;
        this.#setBase(snapshot);
      },
      refused: (revision) => {
        this.#newerThan = revision;
        this.#setBase(undefined);
        this.#discardWorker();
        this.#restart(0);
      },
    });
    const intervalMs = checkIntervalMs(limits.handlerMs);
    this.#hangs = new HangDetector(intervalMs);
    this.#timer = setInterval(() => {
      this.#check();
    }, intervalMs);
  }

  /** The totals of all workers. After a worker's end they are those at its last snapshot for a moment. */
  get stats(): AgentStats {
    return this.#worker?.stats ? sumOfStats(this.#carried, this.#worker.stats) : this.#carried;
  }

  /** Starts the first worker. `init` is Kapacitor's request, whose answer follows; `logger` names the task. */
  start(init: Buffer, logger: Logger): void {
    this.#init = init;
    this.#logger = logger;
    void this.#startWorker();
  }

  // ---- input and requests ----

  /** To be called when the feed has more input. `isBetweenBatches`: its end is not within a batch. */
  advance(isBetweenBatches: boolean): void {
    if (isBetweenBatches) this.#snapshotIfDue();
    this.#pump();
  }

  /**
   * Runs `flow`, which may use `state`, once all input so far is handled and before more is. It must not reject.
   * `isBetweenBatches`: the input so far does not end within a batch.
   */
  withState(kind: 'snapshot' | 'restore', isBetweenBatches: boolean, flow: () => Promise<void>): void {
    this.#addStep(kind, this.#flowStep(isBetweenBatches, flow));
  }

  #flowStep(isBetweenBatches: boolean, flow: () => Promise<void>): Step['run'] {
    let done: Promise<void> | undefined;
    return async (worker) => {
      this.#isBetweenBatches = isBetweenBatches;
      this.state.attach(worker);
      done ??= flow(); // the next worker continues what the end of this one interrupts
      await done;
      this.state.detach();
    };
  }

  /** The input has ended: the worker finishes, and `done` follows. */
  end(): void {
    this.#isInputEnded = true;
    this.#pump();
  }

  /**
   * Replaces the worker by one with the modules' present code and the same state; not to be called within a batch. Rejects
   * with `invalid_module` or `snapshot_migration` if that is impossible: the old worker goes on then.
   */
  async reload(): Promise<void> {
    const next = this.#options.workers.take();
    try {
      await checkUdf(next, this.#options.udf);
      await new Promise<void>((resolve, reject) => {
        void next.exited.then(({ text }) => {
          reject(new UdfError('invalid_module', `the new worker ${text}`));
        });
        this.#addStep(
          'reload',
          (worker) => this.#handOver(worker, next).then(resolve, reject),
          () => {
            next.terminate(); // another one starts, with the same code
            resolve();
          },
        );
      });
    } catch (reason) {
      next.terminate();
      throw reason;
    }
  }

  /** Lets another worker go on with the state of the current one. Rejects if it cannot. */
  async #handOver(worker: UdfWorker, next: UdfWorker): Promise<void> {
    this.#isBetweenBatches = true;
    this.state.attach(worker);
    await this.state.snapshot();
    this.state.detach();
    const ended = next.exited.then(({ text }) => {
      throw new UdfError('invalid_module', `the new worker ${text}`);
    });
    const { init, problem } = await Promise.race([this.#launch(next), ended]);
    if (!init.success) throw new UdfError('handler', init.error);
    if (problem) throw problem;
    worker.terminate();
    this.#worker = next;
    this.#carried = this.#base.stats;
    next.setPaused(this.#isOutputPaused);
    this.#feed.begin(next, this.#base.position);
  }

  /** Whether new input has to wait: for a worker that starts or repeats, or for a step such as a snapshot. */
  get isWaiting(): boolean {
    return this.#stage !== 'input' || this.#feed.isRepeating;
  }

  /** Stops or continues reading the output. */
  setOutputPaused(isPaused: boolean): void {
    this.#isOutputPaused = isPaused;
    this.#worker?.setPaused(isPaused);
  }

  /** To be called when the system has taken more of the output. */
  outputSent(sentBytes: number): void {
    this.#worker?.released(sentBytes);
  }

  /**
   * Handles the input up to `position` without output, then runs `flow` with the state there, for the last time; resolves
   * after it. If that is not possible, `state` fails within `flow`.
   */
  runLast(position: number, flow: LastFlow): Promise<void> {
    if (this.#hasEnded) return Promise.resolve();
    return new Promise((resolve) => {
      let done: Promise<void> | undefined;
      this.#last = () => (done ??= flow().finally(resolve));
      this.setOutputPaused(false);
      this.#goTo(position, this.#last);
    });
  }

  /** Gives up `runLast`. */
  abandonLast(error: UdfError): void {
    this.state.close(error);
    void this.#last?.();
  }

  /** Makes `flow` the only thing to do. A worker that is beyond `position`, or has failed, is replaced. */
  #goTo(position: number, flow: LastFlow): void {
    const { udf } = this.#options;
    const isStreamed = udf.wants === 'batch' && !udf.collectsBatches;
    const at = isStreamed ? batchStart(this.#feed.journal, position) : position;
    const isStarting = this.#stage === 'start';
    const isUsable = isStarting || (this.#worker !== undefined && this.#feed.fed <= at);
    const keepsStep = isUsable && !isStarting && this.#stage !== 'input';
    for (const step of this.#steps.splice(keepsStep ? 1 : 0)) step.abandon?.();
    if (!keepsStep) this.state.interrupt(new UdfError('connection', 'the connection has ended'));
    this.#steps.push({ kind: 'snapshot', at, run: this.#flowStep(false, flow), abandon: undefined });
    if (isUsable) this.#pump();
    else {
      this.#discardWorker();
      this.#restart(0);
    }
  }

  #discardWorker(): void {
    this.state.detach();
    this.#feed.stop();
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  /** Ends all; nothing is called from now on. */
  destroy(): void {
    this.#hasEnded = true;
    this.abandonLast(new UdfError('connection', 'the connection has ended'));
    clearTimeout(this.#restartTimer);
    clearInterval(this.#timer);
    this.#feed.stop();
    this.#carried = this.stats;
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #addStep(kind: Step['kind'], run: Step['run'], abandon?: () => void): void {
    this.#steps.push({ kind, at: this.#feed.journal.end, run, abandon });
    this.#pump();
  }

  #pump(): void {
    const worker = this.#worker;
    if (worker === undefined || this.#stage !== 'input') return;
    const step = this.#steps[0];
    if (!this.#feed.advance(step?.at ?? this.#feed.journal.end)) return;
    if (step) void this.#runStep(step, worker);
    else if (this.#isInputEnded) {
      this.#stage = 'stop';
      this.#feed.end();
      worker.endInput();
    }
  }

  async #runStep(step: Step, worker: UdfWorker): Promise<void> {
    this.#stage = step.kind;
    await step.run(worker); // does not return if the worker ends: its successor runs the step again
    if (this.#steps[0] === step) this.#steps.shift();
    // A step continues in the next worker, which is then prepared first. The one of `reload` changes the worker itself.
    if (worker === this.#worker || step.kind === 'reload') this.#resume();
  }

  /** Goes on with input after a request. */
  #resume(): void {
    if (this.#worker === undefined || this.#hasEnded) return;
    this.#stage = 'input';
    this.#feed.rebase();
    this.#pump();
    this.#events.progress();
  }

  // ---- workers ----

  async #startWorker(): Promise<void> {
    this.#stage = 'start';
    const worker = this.#options.workers.take();
    this.#worker = worker;
    this.#carried = this.#base.stats;
    try {
      await checkUdf(worker, this.#options.udf);
    } catch (reason) {
      const error = UdfError.from(reason);
      worker.terminate();
      if (worker === this.#worker) {
        const isLoadError = error.code === 'invalid_module';
        const end: WorkerEnd = {
          cause: isLoadError ? 'load' : 'exit',
          text: `cannot be started: ${error.message}`,
          error,
        };
        if (isLoadError && !this.#isInitAnswered) this.#giveUp(error);
        else this.#workerEnded(end);
      }
      return;
    }
    if (this.#hasEnded) return;
    const { init, problem } = await this.#launch(worker);
    if (worker !== this.#worker) return; // it has ended, or the connection
    if (!this.#isInitAnswered) {
      this.#isInitAnswered = true;
      this.#events.respond(init, init.success ? undefined : new UdfError('invalid_options', init.error));
      if (!init.success) return;
    }
    const failure = init.success ? problem : new UdfError('handler', init.error);
    if (failure) this.#giveUp(failure);
    else this.#adopt(worker);
  }

  #launch(worker: UdfWorker): Promise<Launched> {
    const { udf, defaults, limits, keepsLetters } = this.#options;
    return launch(worker, {
      udf,
      defaults,
      limits,
      init: this.#init!, // set by `start`
      snapshot: this.#base.snapshot,
      ...{ keepsLetters, newerThan: this.#newerThan },
      logger: this.#logger,
      events: this.#eventsOf(worker),
    });
  }

  /** Feeds a prepared worker. */
  #adopt(worker: UdfWorker): void {
    if (this.#hasEnded) return;
    this.#worker = worker;
    this.#carried = this.#base.stats;
    worker.setPaused(this.#isOutputPaused);
    this.#feed.begin(worker, this.#base.position);
    this.#resume();
  }

  #eventsOf(worker: UdfWorker): UdfWorkerEvents {
    const ifCurrent = (call: () => void): void => {
      if (worker === this.#worker && !this.#hasEnded) call();
    };
    const positionOf = this.#feed.positionsFrom(this.#base.position);
    const lines = this.#lines.next(positionOf);
    const letters = this.#letters.next(positionOf);
    return {
      isNewLine: (begun, text) => lines.isNew(begun, text),
      letter: (letter, begun) => {
        if (letters.isNew(begun)) this.#events.letter(letter);
      },
      output: (buf, frame, payload, end) => {
        if (worker === this.#worker && !this.#last && this.#feed.isNew())
          this.#events.output(buf, frame, payload, end);
      },
      flush: () => this.#events.flush(),
      handled: (ack) => {
        ifCurrent(() => {
          this.#feed.handled(ack);
          this.#pump();
          this.#events.progress();
        });
      },
      ready: () => {
        ifCurrent(() => {
          this.#pump();
          this.#events.progress();
        });
      },
      failed: (frame) => {
        ifCurrent(() => {
          this.#failed(frame);
        });
      },
      done: () => {
        ifCurrent(() => {
          this.#events.done();
        });
      },
      ended: (end) => {
        ifCurrent(() => {
          this.#workerEnded(end);
        });
      },
    };
  }

  // ---- faults ----

  #failed(frame: Buffer): void {
    const position = this.#feed.current()?.start ?? this.#feed.acknowledged;
    if (!this.#last) this.#events.failed(frame, position);
    else if (this.#stage === 'input') this.#goTo(position, this.#last);
    else this.abandonLast(new UdfError('handler', 'the UDF has ended the task'));
  }

  #workerEnded(end: WorkerEnd): void {
    const stage = this.#stageAtEnd();
    this.#feed.stop();
    this.state.detach();
    this.#worker = undefined;
    if (this.#last) {
      this.abandonLast(new UdfError('handler', `the worker ${end.text}`));
      return;
    }
    if (this.#steps[0]?.abandon) {
      this.state.interrupt(new UdfError('handler', `the worker ${end.text}`));
      this.#steps.shift()!.abandon!();
    }
    const remedy = this.faults.remedyFor(end, stage, this.#feed.acknowledged);
    this.#log(end, stage, remedy);
    switch (remedy.kind) {
      case 'give-up':
        this.#giveUp(remedy.error);
        return;
      case 'skip-stop':
        this.#events.done();
        return;
      case 'refuse-restore':
        if (!this.state.refuse(new UdfError('snapshot_damaged', `the worker ${end.text}`))) this.#restart(0);
        return;
      case 'poison':
        if (this.#events.poison(remedy.span, `the worker ${end.text}`)) this.#restart(0);
        return;
      case 'restart':
        this.#restart(remedy.delayMs);
    }
  }

  #restart(delayMs: number): void {
    this.#stage = 'start';
    if (delayMs === 0) void this.#startWorker();
    else this.#restartTimer = setTimeout(() => void this.#startWorker(), delayMs);
  }

  #stageAtEnd(): Stage {
    const stage = this.#stage;
    if (stage === 'input') {
      const span = this.#feed.current();
      return span ? { kind: 'input', span } : { kind: 'idle' };
    }
    return { kind: stage === 'reload' ? 'snapshot' : stage };
  }

  #log({ cause, text, error }: WorkerEnd, stage: Stage, remedy: Remedy): void {
    if (remedy.kind === 'give-up') return; // the connection's end is logged
    const consequence = {
      restart: 'it is replaced, and goes on from its last snapshot',
      poison: 'for the second time at the same input, which is left to the error policy',
      'skip-stop': 'for the second time in stop, whose output is lost',
      'refuse-restore': 'for the second time at the same snapshot, which is not restored',
    }[remedy.kind];
    this.#logger.error(
      { cause, stage: stage.kind, ...(error && { err: error }) },
      `${this.#options.udf.name}: the worker ${text}; ${consequence}`,
    );
  }

  #giveUp(error: UdfError): void {
    this.destroy();
    this.#events.giveUp(error);
  }

  /** Runs at an interval: looks for a worker that hangs, and for a snapshot that is due. */
  #check(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.wantStats();
    const { handlerMs } = this.#options.limits;
    const isHandling = this.#stage === 'input' || this.#stage === 'stop';
    const isHung = this.#hangs.check({
      isWorking: !this.#isOutputPaused && (this.#stage !== 'input' || this.#feed.unhandledBytes > 0),
      // A handler counts as a whole; a request consists of many steps.
      activity: worker.handledBytes + worker.activity(!isHandling),
      maxMs: this.#stage === 'start' && handlerMs > 0 ? Math.max(handlerMs, minStartMs) : handlerMs,
    });
    if (isHung) {
      worker.terminate({ cause: 'hung', text: `has not come back within ${handlerMs} ms (handlerMs)` });
    }
  }

  // ---- internal snapshots ----

  #snapshotIfDue(): void {
    const { journal } = this.#feed;
    if (this.#steps.length > 0 || this.#stage !== 'input' || this.#feed.isRepeating) return;
    if (!this.#schedule.isDue(journal.end - this.#base.position)) return;
    this.withState('snapshot', true, async () => {
      try {
        this.#events.snapshotTaken(await this.state.snapshot());
      } catch {
        // The connection ends.
      }
    });
  }

  /** Keeps the state at the current step as what the next worker starts with. */
  #setBase(snapshot: Uint8Array | undefined): void {
    const position = this.#feed.acknowledged;
    this.#base = { position, snapshot, stats: { ...this.stats, groups: 0 } };
    this.#feed.release(position);
  }
}
