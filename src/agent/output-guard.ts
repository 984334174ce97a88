import { promisify } from 'node:util';
import { UdfError } from '../model/errors.js';
import type { UdfDefinition } from '../udf/definition.js';
import { type BatchHead, LazyBatch } from '../wire/lazy-batch.js';
import { FrameOutput } from '../wire/frame-output.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import type { MaybePromise } from './interface.js';
import { batchAdvice, type Output } from './output.js';

/** Max time that handlers which wait for `drained` keep the event loop from other work. */
const maxSliceMs = 5;

const yieldToEventLoop = promisify(setImmediate);

/** The part of the output that emitted points and batches go to. */
export type GuardedOutput = Pick<
  Output,
  | 'ended'
  | 'blocked'
  | 'point'
  | 'batch'
  | 'inputBatch'
  | 'collectedBatch'
  | 'flush'
  | 'requireRoom'
  | 'unblocked'
> & {
  /** Whether a call has taken too long, so that what its handler still does is lost. */
  readonly isCutOff?: boolean;
};

/** Called by `emit` when it cannot send. */
export interface EmitFailures {
  /** An invalid emit. Rethrows the error if a handler can catch it. */
  refuse(reason: unknown): void;
  /** The first emit after the end of the connection. */
  late(): void;
}

/**
 * Checks what a UDF emits or returns before it is sent: points if the UDF provides a stream; if it provides batches, whole
 * ones with their true size between one Begin and one End. An End without a Begin, or a wrong size, would crash kapacitord.
 */
export class OutputGuard {
  /** The handlers' `emit`. */
  readonly emit: (output: unknown) => void;
  readonly #output: GuardedOutput;
  readonly #signal: AbortSignal;
  readonly #batchBytes: number;
  /** Sends or collects one item, by the UDF's edges. Errors name `place`: `emit`, or the handler that returned it. */
  #accept: (output: unknown, place: string) => void;
  /** For output that belongs to the input, and for that of `timer` and `stop`. */
  readonly #acceptOfInput: (output: unknown, place: string) => void;
  readonly #acceptWithoutInput: (output: unknown, place: string) => void;
  /** The input batch that is being handled. */
  #inputBatch: BatchHead | undefined;
  /** The input batch as long as it may be forwarded: what is emitted a second time takes memory of its own. */
  #forwardable: BatchHead | undefined;
  /** The points of the output batch that the UDF emits point by point, as their bytes: a point may keep a large buffer. */
  #collected: FrameOutput | undefined;
  #collectedPoints = 0;
  #hasReportedLate = false;
  /** When `drained` has let the event loop run. */
  #yieldedAt = 0;

  /** `batchBytes` limits a batch that is emitted point by point. `signal` aborts at the end of the connection. */
  constructor(
    definition: UdfDefinition,
    output: GuardedOutput,
    batchBytes: number,
    signal: AbortSignal,
    failures: EmitFailures,
  ) {
    this.#output = output;
    this.#batchBytes = batchBytes;
    this.#signal = signal;
    const { wants, provides, handlers } = definition;
    this.emit = (item) => {
      if (output.ended) {
        if (!this.#hasReportedLate) failures.late();
        this.#hasReportedLate = true;
        return;
      }
      try {
        this.#accept(item, 'emit');
      } catch (reason) {
        failures.refuse(reason);
      }
    };
    if (provides === 'stream') {
      this.#acceptOfInput = wants === 'stream' ? this.#acceptPoint : this.#acceptPointOfBatch;
      this.#acceptWithoutInput = this.#acceptNamedPoint;
    } else {
      this.#acceptOfInput = wants === 'stream' || handlers.batch ? this.#acceptBatch : this.#collect;
      this.#acceptWithoutInput = this.#acceptBatch;
    }
    this.#accept = this.#acceptOfInput;
  }

  /** Whether the handler's call has taken too long. */
  get isCutOff(): boolean {
    return this.#output.isCutOff === true;
  }

  /** Whether the connection is closing or closed. */
  get ended(): boolean {
    return this.#output.ended;
  }

  /**
   * Sends what a handler returned: an item, or an array of items as fast as Kapacitor reads them. Throws, or rejects with,
   * `handler` for other values and `limit`.
   */
  returned(value: unknown, handler: string): MaybePromise {
    if (this.#output.ended) return undefined;
    if (Array.isArray(value)) return this.#items(value, handler, 0);
    this.#accept(value, handler);
    return undefined;
  }

  #items(items: readonly unknown[], handler: string, from: number): MaybePromise {
    for (let index = from; index < items.length; index++) {
      this.#accept(items[index], handler);
      if (this.#output.blocked) {
        return this.#output.unblocked(this.#signal).then(() => this.#items(items, handler, index + 1));
      }
    }
    return undefined;
  }

  /** The handlers' `drained`. Rejects with `connection` if the connection ends before. */
  readonly drained = async (): Promise<void> => {
    this.#output.flush();
    await this.#output.unblocked(this.#signal);
    // Otherwise a loop whose output Kapacitor reads at once would never let the event loop do anything else.
    if (performance.now() - this.#yieldedAt < maxSliceMs) return;
    await yieldToEventLoop();
    this.#yieldedAt = performance.now();
  };

  /** Emits a handler's input, for the error policy `pass`. Throws like `returned`. */
  passOn(input: LazyPoint | LazyBatch): void {
    this.#accept(input, 'pass');
  }

  // ---- batches ----

  /** Sets the input batch that the next points are made from. */
  setInputBatch(batch: BatchHead): void {
    this.#inputBatch = this.#forwardable = batch;
  }

  get inputBatch(): BatchHead | undefined {
    return this.#inputBatch;
  }

  /** Starts an output batch: collects emitted points until `endBatch`. */
  beginBatch(): void {
    this.#collected = new FrameOutput();
    this.#collected.compact = true;
    this.#collectedPoints = 0;
  }

  /** Sends the collected batch. No-op without `beginBatch`. */
  endBatch(batch: BatchHead, time: bigint): void {
    const points = this.#collected;
    if (!points) return;
    this.#collected = undefined;
    this.#output.collectedBatch(batch, time, this.#collectedPoints, points);
  }

  /** Prepares for `stop` handlers, whose output belongs to no input batch. */
  endInput(): void {
    this.#inputBatch = this.#forwardable = this.#collected = undefined;
    this.#accept = this.#acceptWithoutInput;
  }

  /** Prepares for a `timer` handler, whose output belongs to no input batch, until `endTimer`. */
  beginTimer(): void {
    this.#accept = this.#acceptWithoutInput;
  }

  endTimer(): void {
    this.#accept = this.#acceptOfInput;
  }

  // ---- by the edges of the UDF ----

  readonly #acceptPoint = (item: unknown, place: string): void => {
    if (!LazyPoint.is(item)) throw this.#invalidOutput(place, 'point', item);
    this.#output.point(item);
  };

  readonly #acceptPointOfBatch = (item: unknown, place: string): void => {
    if (!LazyPoint.is(item)) throw this.#invalidOutput(place, 'point', item);
    this.#output.point(this.#inputBatch ? toStreamPoint(item, this.#inputBatch) : item);
  };

  readonly #acceptNamedPoint = (item: unknown, place: string): void => {
    if (!LazyPoint.is(item)) throw this.#invalidOutput(place, 'point', item);
    if (item.name === '') {
      throw new UdfError(
        'handler',
        `${place} got a point without a name, as those of a batch are; make one with createPoint()`,
      );
    }
    this.#output.point(item);
  };

  readonly #acceptBatch = (item: unknown, place: string): void => {
    if (!LazyBatch.is(item)) throw this.#invalidOutput(place, 'batch', item);
    if (item === this.#forwardable) {
      this.#forwardable = undefined;
      this.#output.inputBatch(item);
    } else this.#output.batch(item);
  };

  readonly #collect = (item: unknown, place: string): void => {
    if (!LazyPoint.is(item)) throw this.#invalidOutput(place, 'point', item);
    if (!this.#collected) {
      throw new UdfError('handler', `${place} was called when no batch was open`);
    }
    item.writeTo(this.#collected);
    this.#collectedPoints++;
    const { size } = this.#collected;
    this.#output.requireRoom(size, batchAdvice);
    if (size > this.#batchBytes) {
      throw new UdfError(
        'limit',
        `a batch that is emitted takes more than ${this.#batchBytes} bytes (batchBytes)`,
      );
    }
  };

  #invalidOutput(place: string, kind: 'point' | 'batch', item: unknown): UdfError {
    const create = kind === 'point' ? 'createPoint()' : 'createBatch()';
    const hints: Readonly<Record<string, string>> = {
      'an object': `; make one with ${create}`,
      'a promise': '; await it first',
      'a batch': '; of a batch, return the points',
      'a point': '; put points into one with batch.withPoints([…]) or createBatch()',
    };
    const hint =
      place === 'emit' && Array.isArray(item)
        ? '; return the array, or emit each of its items'
        : isBatchHead(item)
          ? '; the runtime writes the beginning and the end of each batch itself'
          : (hints[describe(item)] ?? '');
    const what =
      place === 'emit'
        ? `emit takes a ${kind} here, got ${describe(item)}`
        : `${place} returned ${describe(item)}; return nothing, a ${kind} or an array of them`;
    return new UdfError('handler', what + hint);
  }
}

/** Converts a batch's point to one of a stream: with the batch's name and, as in Kapacitor, grouped by the batch's tags. */
function toStreamPoint(point: LazyPoint, { name, group, tags, byName }: BatchHead): LazyPoint {
  if (point.name !== '') return point;
  return point.withHead({ name, group, byName, dimensions: Object.keys(tags).sort() });
}

/** Whether a value is what `beginBatch` and `endBatch` get, which authors of other agents pass on. */
function isBatchHead(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return 'byName' in value && !LazyPoint.is(value) && !LazyBatch.is(value);
}

function describe(value: unknown): string {
  if (LazyPoint.is(value)) return 'a point';
  if (LazyBatch.is(value)) return 'a batch';
  if (Array.isArray(value)) return 'an array';
  if (value === null || value === undefined) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  return 'then' in value && typeof value.then === 'function' ? 'a promise' : 'an object';
}
