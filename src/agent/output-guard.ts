import { UdfError } from '../model/errors.js';
import type { UdfDefinition } from '../udf/definition.js';
import { type BatchHead, LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { retainedBytes } from './limits.js';
import type { Output } from './output.js';

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
  readonly #output: Output;
  readonly #batchBytes: number;
  /** Sends or collects one item, by the UDF's edges. Errors name `place`: `emit`, or the handler that returned it. */
  #accept: (output: unknown, place: string) => void;
  /** The input batch that is being handled. */
  #inputBatch: BatchHead | undefined;
  /** The points of the output batch that the UDF emits point by point. */
  #collected: LazyPoint[] | undefined;
  #collectedBytes = 0;
  #hasReportedLate = false;

  /** `batchBytes` limits a batch that is emitted point by point. */
  constructor(definition: UdfDefinition, output: Output, batchBytes: number, failures: EmitFailures) {
    this.#output = output;
    this.#batchBytes = batchBytes;
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
      this.#accept = wants === 'stream' ? this.#acceptPoint : this.#acceptPointOfBatch;
    } else {
      this.#accept = wants === 'stream' || handlers.batch ? this.#acceptBatch : this.#collect;
    }
  }

  /** Sends what a handler returned: an item or an array of items. Throws `handler` for other values, and `limit`. */
  returned(value: unknown, handler: string): void {
    if (this.#output.ended) return;
    if (Array.isArray(value)) {
      for (const item of value as readonly unknown[]) this.#accept(item, handler);
    } else {
      this.#accept(value, handler);
    }
  }

  /** Emits a handler's input, for the error policy `pass`. Throws like `returned`. */
  passOn(input: LazyPoint | LazyBatch): void {
    this.#accept(input, 'pass');
  }

  // ---- batches ----

  /** Sets the input batch that the next points are made from. */
  setInputBatch(batch: BatchHead): void {
    this.#inputBatch = batch;
  }

  /** Starts an output batch: collects emitted points until `endBatch`. */
  beginBatch(): void {
    this.#collected = [];
    this.#collectedBytes = 0;
  }

  /** Sends the collected batch. No-op without `beginBatch`. */
  endBatch(batch: BatchHead, time: bigint): void {
    const points = this.#collected;
    if (!points) return;
    this.#collected = undefined;
    this.#output.batch(new LazyBatch(batch, time, points));
  }

  /** Prepares for `stop` handlers, whose output belongs to no input batch. */
  endInput(provides: 'stream' | 'batch'): void {
    this.#inputBatch = this.#collected = undefined;
    this.#accept = provides === 'batch' ? this.#acceptBatch : this.#acceptNamedPoint;
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
    this.#output.batch(item);
  };

  readonly #collect = (item: unknown, place: string): void => {
    if (!LazyPoint.is(item)) throw this.#invalidOutput(place, 'point', item);
    if (!this.#collected) {
      throw new UdfError('handler', `${place} was called when no batch was open`);
    }
    this.#collectedBytes += retainedBytes(item);
    if (this.#collectedBytes > this.#batchBytes) {
      throw new UdfError(
        'limit',
        `a batch that is emitted takes more than ${this.#batchBytes} bytes (batchBytes)`,
      );
    }
    this.#collected.push(item);
  };

  #invalidOutput(place: string, kind: 'point' | 'batch', item: unknown): UdfError {
    const create = kind === 'point' ? 'createPoint()' : 'createBatch()';
    const hint = describe(item) === 'an object' ? `; make one with ${create}` : '';
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

function describe(value: unknown): string {
  if (LazyPoint.is(value)) return 'a point';
  if (LazyBatch.is(value)) return 'a batch';
  if (Array.isArray(value)) return 'an array';
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
