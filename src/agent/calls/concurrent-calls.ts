import type { LazyBatch } from '../../wire/lazy-batch.js';
import type { LazyPoint } from '../../wire/point/lazy-point.js';
import type { UseActivity } from '../activity.js';
import type { Counters } from '../counters.js';
import type { Limits } from '../limits.js';
import type { OutputAhead } from '../output-ahead.js';
import { HeldOutput, HeldTotal } from './call-output.js';
import { Fifo } from './fifo.js';
import { Gate } from './gate.js';
import { type CallInput, Lane, type LaneOptions } from './lane.js';

/** Calls that may wait or run, for each that may run at once: enough that a few busy groups do not hold up the others. */
const callsPerLane = 16;

/** Bytes of points, and of batches, that may wait or run. */
const maxInputBytes = 4 * 1024 * 1024;

/** Bytes of output that may be held back before no further call begins. */
const maxHeldBytes = 4 * 1024 * 1024;

/** Calls that may have ended before one ahead of them. */
const maxEndedCalls = 65_536;

/** How far an isolated agent is, as its calls see it. */
export interface CallProgress {
  /** Bytes of points and batches that have begun. */
  begunBytes: number;
  /** The first bytes that are handled without overlap: if this worker ends too, the point that it handled is known. */
  readonly sequentialBytes: number;
}

export interface ConcurrentCallsOptions
  extends Omit<LaneOptions, 'total' | 'emitFailures' | 'batchBytes'>, CallHooks {
  readonly limits: Limits;
  readonly counters: Counters;
  readonly activity?: UseActivity | undefined;
  readonly progress?: CallProgress | undefined;
  /** Set with `progress`. */
  readonly ahead?: OutputAhead | undefined;
}

/** What the calls need of their connection. */
export interface CallHooks {
  /** Ends the connection. */
  readonly fail: (reason: unknown) => void;
  /** An emit came after the end of its call. */
  readonly late: () => void;
  /** Whether no more input can be taken until calls have ended. */
  readonly setFull: (isFull: boolean) => void;
  /** Calls have ended, outside of the handling of input. */
  readonly ended: () => void;
}

interface Call {
  /** Until the call ends: ended calls can stay in the window for long, and their input is not counted any more. */
  input: CallInput | undefined;
  readonly group: string;
  readonly bytes: number;
  /** Identifies it for `HandlerRuns.beginPoint`. */
  readonly run: number;
  readonly held: HeldOutput | undefined;
  /** The input before the call's frame. */
  readonly before: Taken;
  /** `waiting` for the group's current call, or `ready` for a lane. */
  stage: 'waiting' | 'ready' | 'running' | 'ended';
}

interface Taken {
  readonly bytes: number;
  readonly frames: number;
}

/**
 * Calls the handlers of different groups at the same time, up to `concurrency`; those of one group one after the other,
 * unless the definition lets them overlap.
 *
 * Output keeps its order within a group by that alone. Across groups it is held back until the calls ahead have ended, if
 * the definition asks for it, or where a host repeats input to another worker: only then is the output a function of how
 * much of the input is handled.
 */
export class ConcurrentCalls {
  readonly #options: ConcurrentCallsOptions;
  readonly #isOrdered: boolean;
  /** Whether calls of one group may overlap too. */
  readonly #overlapsInGroup: boolean;
  readonly #maxRunning: number;
  readonly #laneOptions: LaneOptions;
  /** Lanes without a call. */
  readonly #idleLanes: Lane[] = [];
  readonly #runningLanes = new Set<Lane>();
  /** The groups with calls: those that wait for the group's current one, which runs or is in `#ready`. */
  readonly #groups = new Map<string, Fifo<Call>>();
  /** Calls that wait for a lane only. */
  readonly #ready = new Fifo<Call>();
  /** All calls from the oldest that has not ended on, where output is ordered. */
  readonly #window = new Fifo<Call>();
  readonly #total: HeldTotal;
  #open = 0;
  #openBytes = 0;
  #takenBytes = 0;
  #takenFrames = 0;
  #frameBytes = 0;
  #isFull = false;
  #isStarting = false;
  #isReporting = false;
  readonly #idle = new Gate();
  readonly #room = new Gate();

  constructor(options: ConcurrentCallsOptions) {
    const { definition, limits, progress, signal, fail, late } = options;
    this.#options = options;
    this.#isOrdered = definition.ordered === 'all' || progress !== undefined;
    this.#overlapsInGroup = definition.overlap === 'all';
    this.#maxRunning = definition.concurrency;
    this.#total = new HeldTotal(Math.min(maxHeldBytes, limits.outputBytes / 4), () => {
      // Not at once: a handler is on the stack.
      queueMicrotask(() => {
        this.#startLater();
      });
    });
    let hasReportedLate = false;
    this.#laneOptions = {
      ...options,
      batchBytes: limits.batchBytes,
      total: this.#total,
      emitFailures: {
        refuse: fail,
        late: () => {
          if (!hasReportedLate) late();
          hasReportedLate = true;
        },
      },
    };
    signal.addEventListener('abort', () => {
      this.#abort(signal.reason);
    });
  }

  // ---- input ----

  /** To be called before each frame of the input is handled. */
  take(bytes: number): void {
    this.#takenBytes += bytes;
    this.#takenFrames++;
    this.#frameBytes = bytes;
  }

  /** Whether there is `unfinished` input. */
  get hasUnfinished(): boolean {
    return this.#window.length > 0;
  }

  /** The input from the oldest call on that has not ended; `undefined` if all have. Only kept where output is ordered. */
  get unfinished(): Taken | undefined {
    const { first } = this.#window;
    if (!first) return undefined;
    const { bytes, frames } = first.before;
    return { bytes: this.#takenBytes - bytes, frames: this.#takenFrames - frames };
  }

  /** Calls `point`, now or when its turn has come. Throws errors that end the connection. */
  point(point: LazyPoint, run: number): void {
    this.#add(point, point.frameLength, run);
  }

  /** As `point`, for `batch`. */
  batch(batch: LazyBatch, run = 0): void {
    this.#add(
      batch,
      batch.points.reduce((bytes, { frameLength }) => bytes + frameLength, 0),
      run,
    );
  }

  #add(input: CallInput, bytes: number, run: number): void {
    const { group } = input;
    const call: Call = {
      input,
      group,
      bytes,
      run,
      held: this.#isOrdered ? new HeldOutput(this.#total, this.#options.progress) : undefined,
      before: { bytes: this.#takenBytes - this.#frameBytes, frames: this.#takenFrames - 1 },
      stage: 'waiting',
    };
    this.#open++;
    this.#openBytes += bytes;
    if (this.#isOrdered) {
      this.#window.push(call);
      if (this.#window.length === 1) call.held?.release();
    }
    const waiting = this.#groups.get(group);
    if (this.#overlapsInGroup) this.#makeReady(call);
    else if (waiting) waiting.push(call);
    else {
      this.#groups.set(group, new Fifo());
      this.#makeReady(call);
    }
    this.start();
  }

  /** Starts calls that wait, unless Kapacitor does not read. */
  start(): void {
    if (this.#isStarting) return; // the loop below is on the stack
    this.#isStarting = true;
    const { output } = this.#options;
    try {
      for (let call; !output.blocked && (call = this.#next()) !== undefined;) this.#run(call);
    } finally {
      this.#isStarting = false;
      this.#setFull();
    }
  }

  /** The call to start now, if any. The oldest one always can be: others may wait for its end. */
  #next(): Call | undefined {
    // A call that waits for its output to be sent does nothing else.
    if (this.#runningLanes.size - this.#total.waiting >= this.#lanes) return undefined;
    const head = this.#window.first;
    if (this.#total.isFull) return head?.stage === 'ready' ? head : undefined;
    let next;
    do next = this.#ready.shift();
    while (next && next.stage !== 'ready');
    return next;
  }

  get #lanes(): number {
    return this.#isSequential ? 1 : this.#maxRunning;
  }

  get #isSequential(): boolean {
    const { progress } = this.#options;
    return progress !== undefined && progress.begunBytes <= progress.sequentialBytes;
  }

  #setFull(): void {
    const isFull =
      this.#open >= (this.#lanes === 1 ? 1 : callsPerLane * this.#lanes) ||
      this.#openBytes >= maxInputBytes ||
      this.#total.isFull ||
      this.#window.length >= maxEndedCalls;
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    this.#options.setFull(isFull);
    if (!isFull) this.#room.open();
  }

  /** Resolves when another call can be added; `undefined` if it can be now. */
  room(): Promise<void> | undefined {
    return this.#isFull ? this.#room.wait() : undefined;
  }

  // ---- calls ----

  #run(call: Call): void {
    const { activity, counters } = this.#options;
    const lane = this.#idleLanes.pop() ?? new Lane(this.#laneOptions);
    this.#runningLanes.add(lane);
    call.stage = 'running';
    let called;
    try {
      called = lane.run(call.input!, call.held, call.run); // it has not ended
    } catch (reason) {
      this.#end(call, lane);
      throw reason;
    }
    if (!called) {
      this.#end(call, lane);
      return;
    }
    activity?.pending();
    void counters
      .timed(called)
      .catch(this.#options.fail)
      .finally(() => {
        this.#endLater(call, lane);
      });
  }

  /** Ends a call outside of the handling of input. */
  #endLater(call: Call, lane: Lane): void {
    try {
      this.#end(call, lane);
    } catch (reason) {
      this.#options.fail(reason);
    }
    this.#startLater();
    if (this.#isReporting) return;
    this.#isReporting = true;
    // Once for all calls that end in this turn of the event loop.
    queueMicrotask(() => {
      this.#isReporting = false;
      this.#options.ended();
    });
  }

  #makeReady(call: Call): void {
    call.stage = 'ready';
    this.#ready.push(call);
  }

  #startLater(): void {
    try {
      this.start();
    } catch (reason) {
      this.#options.fail(reason);
    }
  }

  #end(call: Call, lane: Lane): void {
    this.#runningLanes.delete(lane);
    if (!lane.isAbandoned) this.#idleLanes.push(lane);
    this.#open--;
    this.#openBytes -= call.bytes;
    const waiting = this.#groups.get(call.group);
    const next = waiting?.shift();
    if (next) this.#makeReady(next);
    else this.#groups.delete(call.group);
    if (this.#open === 0) {
      this.#options.activity?.settled();
      this.#idle.open();
    }
    call.stage = 'ended';
    call.input = undefined;
    for (let head = this.#window.first; head?.stage === 'ended'; head = this.#window.first) {
      this.#window.shift();
      const next = this.#window.first;
      // The frame that is handled last may add further calls.
      const nextFrame = next?.before.frames ?? this.#takenFrames - 1;
      if (nextFrame !== head.before.frames) this.#options.ahead?.begin();
      next?.held?.release();
    }
  }

  // ---- the end ----

  /** Whether calls run or wait. */
  get isBusy(): boolean {
    return this.#open > 0;
  }

  /** Resolves when all calls have ended; `undefined` if there are none. */
  idle(): Promise<void> | undefined {
    return this.#open === 0 ? undefined : this.#idle.wait();
  }

  /** The connection has ended: aborts the calls that run, and drops those that wait. */
  #abort(reason: unknown): void {
    this.#ready.clear();
    this.#groups.clear();
    this.#open = this.#runningLanes.size;
    for (const lane of this.#runningLanes) lane.abort(reason);
    for (const { held } of this.#window) held?.discard();
    this.#room.open();
    if (this.#open === 0) this.#idle.open();
  }
}
