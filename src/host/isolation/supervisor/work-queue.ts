import type { UdfWorker } from '../worker/udf-worker.js';
import type { Feed } from './feed.js';

/** Something to do once all input before a position is handled. */
export interface Step {
  readonly kind: 'snapshot' | 'restore' | 'reload';
  /** The position. */
  readonly at: number;
  /** Called again with the next worker if this one ends meanwhile. Must not reject. */
  run(worker: UdfWorker): Promise<void>;
  /** Called instead of the second `run`. */
  readonly abandon?: (() => void) | undefined;
}

/** What the current worker is doing; `start` until it can be fed. */
export type WorkStage = 'start' | 'input' | Step['kind'] | 'stop';

/**
 * The order of a connection's work: input is fed to the worker up to the next step, the step runs, then the input after it is
 * fed; at the end of the input the UDF stops.
 */
export class WorkQueue {
  readonly #feed: Feed;
  readonly #resumed: () => void;
  readonly #steps: Step[] = [];
  /** The worker, while it can be fed. */
  #worker: UdfWorker | undefined;
  #stage: WorkStage = 'start';
  /** Identifies the run of a step by the current worker. */
  #run: symbol | undefined;
  #isInputEnded = false;
  #isClosed = false;

  /** `resumed` is called when a worker that has started, or has done a step, takes input again. */
  constructor(feed: Feed, resumed: () => void) {
    this.#feed = feed;
    this.#resumed = resumed;
  }

  get stage(): WorkStage {
    return this.#stage;
  }

  /** Whether new input has to wait: for a worker that starts or repeats input, or for a step. */
  get isWaiting(): boolean {
    return this.#stage !== 'input' || this.#feed.isRepeating;
  }

  get hasSteps(): boolean {
    return this.#steps.length > 0;
  }

  /** The position of the last step; 0 without steps. */
  get lastPosition(): number {
    return this.#steps.at(-1)?.at ?? 0;
  }

  /** The worker can be fed: the input, or the step that an earlier worker has not finished. */
  begin(worker: UdfWorker): void {
    this.#worker = worker;
    this.#resume();
  }

  /** The worker has ended, or is discarded; `begin` follows if it is replaced. */
  interrupt(): void {
    this.#worker = undefined;
    this.#run = undefined;
  }

  /** A worker is being started. */
  awaitStart(): void {
    this.interrupt();
    this.#stage = 'start';
  }

  /** Within a step: another worker takes the current one's place. */
  replaceWorker(worker: UdfWorker): void {
    this.#worker = worker;
  }

  /**
   * Adds a step: at the end of the input so far, or at a position that is not before those of other steps. After `close`,
   * it is abandoned at once.
   */
  add(step: Omit<Step, 'at'>, at: number = this.#feed.journal.end): void {
    if (this.#isClosed) {
      step.abandon?.();
      return;
    }
    this.#steps.push({ ...step, at });
    this.pump();
  }

  /** Makes `step` the only one; with `keepsCurrent`, the one after the current. The others are abandoned. */
  replaceAll(step: Step, keepsCurrent: boolean): void {
    for (const { abandon } of this.#steps.splice(keepsCurrent ? 1 : 0)) abandon?.();
    this.#steps.push(step);
  }

  /** Drops the current step if it can be abandoned: what ended its worker must not end the next one too. */
  abandonCurrent(): boolean {
    const abandon = this.#steps[0]?.abandon;
    if (!abandon) return false;
    this.#steps.shift();
    abandon();
    return true;
  }

  /** Abandons all steps; nothing is done from now on. */
  close(): void {
    this.#isClosed = true;
    this.interrupt();
    for (const { abandon } of this.#steps.splice(0)) abandon?.();
  }

  /** The input has ended: after the last step, the worker stops. */
  endInput(): void {
    this.#isInputEnded = true;
    this.pump();
  }

  /** Does what can be done now. To be called when there is more input, or the worker has handled some. */
  pump(): void {
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
    const run = (this.#run = Symbol(step.kind));
    await step.run(worker);
    if (this.#steps[0] === step) this.#steps.shift();
    // If the worker has ended meanwhile, its successor resumes.
    if (this.#run === run) this.#resume();
  }

  #resume(): void {
    this.#run = undefined;
    if (this.#worker === undefined) return;
    this.#stage = 'input';
    this.#feed.rebase();
    this.pump();
    this.#resumed();
  }
}
