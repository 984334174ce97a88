import type { Snapshot } from '../../../agent/state/snapshot.js';
import { UdfError } from '../../../model/errors.js';
import type { AgentStats } from '../../../model/statistics.js';
import type { Logger } from '../../../telemetry/logger.js';
import type { WorkerEnd } from '../worker/worker-end.js';
import { consequenceOf, Faults, type Stage } from './faults.js';
import type { Feed } from './feed.js';
import { HangWatch } from './hang-watch.js';
import { reloadWorker } from './reload-worker.js';
import { SnapshotSchedule } from './snapshot-schedule.js';
import { WorkQueue } from './work-queue.js';
import { WorkerState } from './worker-state.js';
import {
  WorkerSuccession,
  type WorkerSuccessionEvents,
  type WorkerSuccessionOptions,
} from './worker-succession.js';

/** What a supervisor calls. */
export interface SupervisorEvents extends Pick<
  WorkerSuccessionEvents,
  'output' | 'flush' | 'respond' | 'letter' | 'done'
> {
  /** An internal snapshot was taken. */
  snapshotTaken(snapshot: Snapshot): void;
  /** The UDF has ended the conversation by this error response, after the input up to `position`. */
  failed(frame: Buffer, position: number): void;
  /** The conversation cannot continue. */
  giveUp(error: UdfError): void;
  /** More input may be taken now. */
  progress(): void;
}

export interface SupervisorOptions extends Omit<WorkerSuccessionOptions, 'refused'> {
  readonly logger: Logger;
  readonly snapshotIntervalMs: number;
  readonly events: SupervisorEvents;
}

/**
 * Keeps a connection's UDF running: takes internal snapshots, finds workers that hang, and decides what follows the end of
 * a worker.
 */
export class Supervisor {
  readonly faults = new Faults();
  /** For `withState`. */
  readonly state: WorkerState;
  readonly #options: SupervisorOptions;
  readonly #feed: Feed;
  readonly #events: SupervisorEvents;
  readonly #queue: WorkQueue;
  readonly #workers: WorkerSuccession;
  readonly #schedule: SnapshotSchedule;
  readonly #hangs: HangWatch;
  #logger: Logger;
  /** What is done with the last state; set once it is the only thing to do. */
  #last: (() => Promise<void>) | undefined;
  #hasEnded = false;
  /** The last position in the input that is not within a batch. */
  #boundary = 0;
  /** Reloads that wait for a boundary. */
  readonly #waitingReloads: ((position: number) => void)[] = [];

  constructor(options: SupervisorOptions) {
    const { limits, events, feed } = options;
    this.#options = options;
    this.#feed = feed;
    this.#events = events;
    this.#logger = options.logger;
    this.#queue = new WorkQueue(feed, () => {
      events.progress();
    });
    this.#workers = new WorkerSuccession(
      { ...options, refused: this.faults.refused },
      {
        ...events,
        output: (buf, frame, payload, end) => {
          if (!this.#last && feed.isNew()) events.output(buf, frame, payload, end);
        },
        prepared: (worker) => {
          this.#queue.begin(worker);
        },
        ready: () => {
          this.#snapshotIfDue(); // while the journal is full there is no input, and no `advance`
          this.#queue.pump();
          events.progress();
        },
        failed: (frame) => {
          this.#failed(frame);
        },
        ended: (end) => {
          this.#workerEnded(end);
        },
        giveUp: (error) => {
          this.#giveUp(error);
        },
      },
    );
    this.#schedule = new SnapshotSchedule(limits.journalBytes, options.snapshotIntervalMs);
    this.state = new WorkerState(options.udf.isStateful, () => feed.acknowledged, {
      snapshotStarted: () => {
        this.#schedule.started();
      },
      snapshotTaken: (snapshot, isBetweenBatches) => {
        this.#schedule.ended();
        // A worker cannot start within a batch.
        if (isBetweenBatches) this.#workers.setBase(snapshot);
      },
      replaced: (snapshot, revision) => {
        this.#workers.supersede(revision);
        this.#workers.setBase(snapshot);
      },
      refused: (revision) => {
        this.#workers.supersede(revision);
        this.#workers.setBase(undefined);
        this.#replaceWorker();
      },
    });
    this.#hangs = new HangWatch(this.#workers, this.#queue, feed, limits.handlerMs);
  }

  /** The totals of all workers. */
  get stats(): AgentStats {
    return this.#workers.stats;
  }

  /** See `Ack.wakeAtMs`. */
  get wakeAtMs(): number {
    return this.#workers.current?.wakeAtMs ?? NaN;
  }

  /** Whether new input has to wait: for a worker that starts, repeats input or is away, or for a step such as a snapshot. */
  get isWaiting(): boolean {
    return this.#queue.isWaiting || this.isAway;
  }

  /** Whether the worker is on another machine that cannot be reached for now. */
  get isAway(): boolean {
    return this.#workers.current?.isAway ?? false;
  }

  /** The state that the next worker would start with; `undefined` for a fresh one. */
  get lastSnapshot(): Uint8Array | undefined {
    return this.#workers.baseSnapshot;
  }

  /** Starts the first worker. `init` is Kapacitor's request, whose answer follows; `logger` names the task. */
  start(init: Buffer, logger: Logger): void {
    this.#logger = logger;
    this.#workers.start(init, logger);
  }

  // ---- input and output ----

  /** To be called when the feed has more input. `boundary`: the last position in it that is not within a batch. */
  advance(boundary: number): void {
    this.#boundary = boundary;
    this.#continueReloads();
    this.#snapshotIfDue();
    this.#queue.pump();
  }

  /** The input has ended: the UDF stops, and `done` follows. */
  end(): void {
    this.#queue.endInput();
  }

  /** Stops or continues reading the output. */
  setOutputPaused(isPaused: boolean): void {
    this.#workers.setOutputPaused(isPaused);
  }

  /** To be called when the system has taken more of the output. */
  outputSent(sentBytes: number): void {
    this.#workers.current?.released(sentBytes);
  }

  // ---- state ----

  /**
   * Runs `flow`, which may use `state`, once all input so far is handled and before more is. It must not reject.
   * `isBetweenBatches`: the input so far does not end within a batch.
   */
  withState(kind: 'snapshot' | 'restore', isBetweenBatches: boolean, flow: () => Promise<void>): void {
    this.#queue.add({ kind, run: this.state.stepOf(flow, isBetweenBatches) });
  }

  #snapshotIfDue(): void {
    if (this.#last || this.#queue.hasSteps || this.#queue.isWaiting) return;
    const { fed } = this.#feed;
    // Of a stream, input that waits is left for later: workers that end often would never come to the end of it.
    const isStream = this.#options.udf.wants === 'stream';
    if (!isStream && this.#boundary < fed) return; // the worker has got a part of the next batch
    const end = isStream ? fed : this.#boundary;
    if (!this.#schedule.isDue(end - this.#workers.basePosition)) return;
    const run = this.state.stepOf(async () => {
      try {
        this.#events.snapshotTaken(await this.state.snapshot());
      } catch {
        // The connection ends.
      }
    }, true);
    this.#queue.add({ kind: 'snapshot', run }, isStream ? this.#feed.nextBoundary() : end);
  }

  /**
   * Replaces the worker by one with the modules' present code and the same state, between two batches. Resolves too if the
   * connection ends before. Rejects with `invalid_module`, `handler` or `snapshot_migration` if the worker cannot be replaced:
   * the old one continues.
   */
  reload(): Promise<void> {
    return reloadWorker(this.#workers, this.#queue, this.state, (call) => {
      this.#waitingReloads.push(call);
      this.#continueReloads();
    });
  }

  /** Continues reloads, unless the worker, or a step before, is beyond the last boundary. */
  #continueReloads(): void {
    const isBeyond = this.#boundary < Math.max(this.#feed.fed, this.#queue.lastPosition);
    if (isBeyond && !this.#hasEnded) return;
    for (const call of this.#waitingReloads.splice(0)) call(this.#boundary);
  }

  // ---- the end ----

  /**
   * Handles the input up to `position` without output, then runs `flow` with the state there, for the last time; resolves
   * after it. If that is not possible, `state` fails within `flow`.
   */
  runLast(position: number, flow: () => Promise<void>): Promise<void> {
    if (this.#hasEnded) return Promise.resolve();
    return new Promise((resolve) => {
      let done: Promise<void> | undefined;
      this.#last = () => (done ??= flow().finally(resolve));
      this.setOutputPaused(false);
      this.#goTo(position, this.#last);
    });
  }

  /** Makes `flow` the only thing to do. A worker that is beyond `position`, or has failed, is replaced. */
  #goTo(position: number, flow: () => Promise<void>): void {
    const { udf } = this.#options;
    const { stage } = this.#queue;
    const isStreamed = udf.wants === 'batch' && !udf.collectsBatches;
    const at = isStreamed ? this.#feed.journal.batchStart(position) : position;
    const isStarting = stage === 'start';
    const isUsable = isStarting || (this.#workers.current !== undefined && this.#feed.fed <= at);
    const keepsCurrent = isUsable && !isStarting && stage !== 'input';
    const step = { kind: 'snapshot', at, run: this.state.stepOf(flow, false) } as const;
    this.#queue.replaceAll(step, keepsCurrent);
    if (!keepsCurrent) this.state.interrupt(new UdfError('connection', 'the connection has ended'));
    if (isUsable) this.#queue.pump();
    else this.#replaceWorker();
  }

  /** Gives up `runLast`. */
  abandonLast(error: UdfError): void {
    this.state.close(error);
    void this.#last?.();
  }

  /** Ends all; nothing is called from now on. */
  destroy(): void {
    this.#hasEnded = true;
    this.abandonLast(new UdfError('connection', 'the connection has ended'));
    this.#hangs.end();
    this.#queue.close();
    this.#continueReloads();
    this.#workers.destroy();
  }

  #giveUp(error: UdfError): void {
    this.destroy();
    this.#events.giveUp(error);
  }

  // ---- faults ----

  #failed(frame: Buffer): void {
    const position = this.#feed.frameStart(this.#workers.begunPosition);
    if (!this.#last) this.#events.failed(frame, position);
    else if (this.#queue.stage === 'input') this.#goTo(position, this.#last);
    else this.abandonLast(new UdfError('handler', 'the UDF has ended the task'));
  }

  #workerEnded(end: WorkerEnd): void {
    const stage = this.#faultStage();
    this.#discardWorker();
    const error = new UdfError('handler', `the worker ${end.text}`);
    if (this.#last) {
      this.abandonLast(error);
      return;
    }
    if (this.#queue.abandonCurrent()) this.state.interrupt(error);
    const remedy = this.faults.remedyFor(end, stage, this.#feed.acknowledged);
    if (remedy.kind !== 'give-up') {
      this.#logger.error(
        { cause: end.cause, stage: stage.kind, ...(end.error && { err: end.error }) },
        `${this.#options.udf.name}: the worker ${end.text}; ${consequenceOf(remedy)}`,
      );
    }
    switch (remedy.kind) {
      case 'give-up':
        this.#giveUp(remedy.error); // which logs the connection's end
        return;
      case 'refuse-restore':
        if (!this.state.refuse(new UdfError('snapshot_damaged', error.message))) this.#startNext(0);
        return;
      case 'refuse-run':
        this.#startNext(0);
        return;
      case 'restart':
        this.#startNext(remedy.delayMs);
    }
  }

  #faultStage(): Stage {
    const { stage } = this.#queue;
    if (stage === 'input' || stage === 'stop') {
      const run = this.#workers.currentRun;
      if (run) return { kind: 'handler', run };
      return { kind: stage === 'input' ? 'idle' : 'stop' };
    }
    return { kind: stage === 'reload' ? 'snapshot' : stage };
  }

  #startNext(delayMs: number): void {
    this.#queue.awaitStart();
    this.#workers.startNext(delayMs);
  }

  #discardWorker(): void {
    this.#queue.interrupt();
    this.state.detach();
    this.#workers.discard();
  }

  #replaceWorker(): void {
    this.#discardWorker();
    this.#startNext(0);
  }
}
