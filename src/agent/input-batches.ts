import { UdfError } from '../model/errors.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { FrameSlice, LazyBatch } from '../wire/lazy-batch.js';
import type { BeginMessage, EndMessage } from '../wire/messages.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { ConcurrentCalls } from './calls/concurrent-calls.js';
import { CollectedBatch, headOf } from './collected-batch.js';
import type { Counters } from './counters.js';
import type { FailurePolicy } from './failure-policy.js';
import type { HandlerRuns } from './handler-runs.js';
import type { Instance } from './instance.js';
import type { MaybePromise } from './interface.js';
import type { OutputGuard } from './output-guard.js';
import type { BeforeInput } from './timers/timer-runner.js';

export interface InputBatchesOptions {
  readonly definition: UdfDefinition;
  readonly instance: Instance;
  readonly failures: FailurePolicy;
  readonly runs?: HandlerRuns | undefined;
  readonly guard: OutputGuard;
  readonly counters: Counters;
  readonly timers: BeforeInput | undefined;
  /** Calls `batch`, if calls may overlap. */
  readonly calls: ConcurrentCalls | undefined;
  /** Limits a batch that is collected for a `batch` handler. */
  readonly maxBytes: number;
  /** Called when a batch whose points are handled one by one has ended. */
  readonly batchEnded: () => void;
}

/**
 * Passes the batches of the input to the UDF: whole ones to a `batch` handler, else their begin, points and end as they
 * come. Throws, or rejects with, errors that end the connection.
 */
export class InputBatches {
  readonly #options: InputBatchesOptions;
  /** The open batch, if it is collected for a `batch` handler. */
  #collected: CollectedBatch | undefined;
  /** The open batch, if its points are handled one by one. */
  #streamed: BeginMessage | undefined;

  constructor(options: InputBatchesOptions) {
    this.#options = options;
  }

  /** Whether a batch has begun and not ended. */
  get isOpen(): boolean {
    return this.#collected !== undefined || this.#streamed !== undefined;
  }

  /** Whether a batch has begun whose points change the state one by one. */
  get isStreaming(): boolean {
    return this.#streamed !== undefined;
  }

  begin(begin: BeginMessage, frame: FrameSlice): MaybePromise {
    const { definition, instance, guard, counters, maxBytes } = this.#options;
    if (this.isOpen) throw new UdfError('protocol', 'a batch began inside another');
    counters.batchesIn++;
    if (definition.handlers.batch) {
      this.#collected = new CollectedBatch(begin, frame, maxBytes);
      return undefined;
    }
    Object.freeze(begin.tags);
    this.#streamed = Object.freeze(begin);
    guard.setInputBatch(begin);
    if (definition.provides === 'batch') guard.beginBatch();
    return this.#guarded(
      () => instance.beginBatch(begin),
      undefined,
      () => `in beginBatch of the batch of group "${begin.group}"`,
    );
  }

  point(point: LazyPoint): MaybePromise {
    const { instance } = this.#options;
    if (this.#streamed) return this.#guarded(() => instance.batchPoint(point), point);
    if (!this.#collected) throw new UdfError('protocol', 'a point came outside a batch');
    this.#collected.add(point);
    return undefined;
  }

  end(end: EndMessage, frame: FrameSlice): MaybePromise {
    if (this.#streamed) return this.#endStreamed(this.#streamed, end);
    const { instance, timers } = this.#options;
    const collected = this.#collected;
    if (!collected) throw new UdfError('protocol', 'a batch ended that had not begun');
    this.#collected = undefined;
    const batch = collected.end(end, frame);
    if (!timers?.isActive) return this.#handle(batch);
    const reach = (): MaybePromise => timers.before(instance.enterBatch(batch), batch.time);
    const fired = timers.arrive(batch.time)?.then(reach) ?? reach();
    return fired ? fired.then(() => this.#handle(batch)) : this.#handle(batch);
  }

  #handle(batch: LazyBatch): MaybePromise {
    const { instance, guard, calls, runs } = this.#options;
    if (calls) {
      calls.batch(batch, runs?.frameNumber);
      return undefined;
    }
    guard.setInputBatch(batch);
    return this.#guarded(() => instance.batch(batch), batch);
  }

  #endStreamed(begin: BeginMessage, end: EndMessage): MaybePromise {
    const { instance, guard, timers, batchEnded } = this.#options;
    this.#streamed = undefined;
    const head = headOf(begin, end);
    const time = end.tmax;
    const called = this.#guarded(
      () => instance.endBatch(Object.freeze({ ...head, time })),
      undefined,
      () => `in endBatch of the batch of group "${head.group}" at ${time}`,
    );
    const ended = (): MaybePromise => {
      guard.endBatch(head, time);
      if (!timers?.isActive) return undefined;
      const reach = (): MaybePromise => timers.before(instance.currentGroup, time);
      return timers.arrive(time)?.then(reach) ?? reach();
    };
    if (called) return called.then(ended);
    const fired = ended();
    if (fired) return fired;
    batchEnded();
    return undefined;
  }

  /** Calls the handler of the current frame. */
  #guarded(
    call: () => MaybePromise,
    input: LazyPoint | LazyBatch | undefined,
    where?: () => string,
  ): MaybePromise {
    const { failures, runs } = this.#options;
    if (!runs) return failures.guarded(call, input, where);
    return failures.guarded(
      () => {
        runs.beginCurrent();
        return call();
      },
      input,
      where,
    );
  }

  /** Drops an open batch: the input has ended within it. */
  discard(): void {
    this.#collected = this.#streamed = undefined;
  }
}
