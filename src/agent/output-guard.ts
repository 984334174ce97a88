import { UdfError } from '../model/errors.js';
import type { UdfDefinition } from '../udf/definition.js';
import { type BatchHead, LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { heldBytes } from './limits.js';
import type { Output } from './output.js';

/** What `emit` does outside the normal case. */
export interface EmitFailures {
  /** Called with the error of a wrong emit. Throws it again if a handler is there to catch it. */
  refuse(reason: unknown): void;
  /** Called for each emit after the end of the connection. */
  late(): void;
}

/**
 * Checks what a UDF emits and returns, and sends only what Kapacitor can take: points where the UDF provides a stream,
 * and where it provides batches, whole ones with their true size between one Begin and one End. An End without a Begin
 * or a wrong size would crash the whole daemon.
 */
export class OutputGuard {
  /** What the UDF calls. */
  readonly emit: (output: unknown) => void;
  readonly #output: Output;
  readonly #batchBytes: number;
  /** Takes one point or batch, as the UDF's kind has it. `place` names where it came from. */
  #accept: (output: unknown, place: string) => void;
  /** The batch that is being handled. */
  #batch: BatchHead | undefined;
  /** The points so far of the batch that a UDF emits point by point. */
  #collected: LazyPoint[] | undefined;
  #collectedBytes = 0;

  /** `batchBytes` limits what is kept of a batch that is emitted point by point. */
  constructor(definition: UdfDefinition, output: Output, batchBytes: number, failures: EmitFailures) {
    this.#output = output;
    this.#batchBytes = batchBytes;
    const { wants, provides, handlers } = definition;
    this.emit = (item) => {
      if (output.ended) {
        failures.late();
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

  /**
   * Sends what a handler has returned: a point or a batch, or an array of them. Throws `handler` for anything else,
   * and `limit`.
   */
  returned(value: unknown, handler: string): void {
    if (this.#output.ended) return;
    if (Array.isArray(value)) {
      for (const item of value as readonly unknown[]) this.#accept(item, handler);
    } else {
      this.#accept(value, handler);
    }
  }

  /** Sends the input itself, where the UDF provides what it wants. */
  passOn(input: LazyPoint | LazyBatch): void {
    this.#accept(input, 'pass');
  }

  // ---- which batch ----

  /** Notes which batch the points that are emitted next come from. */
  fromBatch(batch: BatchHead): void {
    this.#batch = batch;
  }

  /** Keeps the points that are emitted next, until `endBatch`. */
  beginBatch(): void {
    this.#collected = [];
    this.#collectedBytes = 0;
  }

  /** Sends what was collected of the batch, if it was. */
  endBatch(batch: BatchHead, time: bigint): void {
    const points = this.#collected;
    if (!points) return;
    this.#collected = undefined;
    this.#output.batch(new LazyBatch(batch, time, points));
  }

  /** The input has ended: what `stop` handlers emit belongs to no batch. */
  endInput(provides: 'stream' | 'batch'): void {
    this.#batch = this.#collected = undefined;
    this.#accept = provides === 'batch' ? this.#acceptBatch : this.#acceptNamedPoint;
  }

  // ---- the kinds ----

  readonly #acceptPoint = (item: unknown, place: string): void => {
    if (!LazyPoint.is(item)) throw this.#wrong(place, 'point', item);
    this.#output.point(item);
  };

  readonly #acceptPointOfBatch = (item: unknown, place: string): void => {
    if (!LazyPoint.is(item)) throw this.#wrong(place, 'point', item);
    this.#output.point(this.#batch ? streamPoint(item, this.#batch) : item);
  };

  readonly #acceptNamedPoint = (item: unknown, place: string): void => {
    if (!LazyPoint.is(item)) throw this.#wrong(place, 'point', item);
    if (item.name === '') {
      throw new UdfError(
        'handler',
        `${place} got a point without a name, as those of a batch are; make one with createPoint()`,
      );
    }
    this.#output.point(item);
  };

  readonly #acceptBatch = (item: unknown, place: string): void => {
    if (!LazyBatch.is(item)) throw this.#wrong(place, 'batch', item);
    this.#output.batch(item);
  };

  readonly #collect = (item: unknown, place: string): void => {
    if (!LazyPoint.is(item)) throw this.#wrong(place, 'point', item);
    if (!this.#collected) {
      throw new UdfError('handler', `${place} was called when no batch was open`);
    }
    this.#collectedBytes += heldBytes(item);
    if (this.#collectedBytes > this.#batchBytes) {
      throw new UdfError(
        'limit',
        `a batch that is emitted takes more than ${this.#batchBytes} bytes (batchBytes)`,
      );
    }
    this.#collected.push(item);
  };

  #wrong(place: string, kind: 'point' | 'batch', item: unknown): UdfError {
    const create = kind === 'point' ? 'createPoint()' : 'createBatch()';
    const hint = kindOf(item) === 'an object' ? `; make one with ${create}` : '';
    const what =
      place === 'emit'
        ? `emit takes a ${kind} here, got ${kindOf(item)}`
        : `${place} returned ${kindOf(item)}; return nothing, a ${kind} or an array of them`;
    return new UdfError('handler', what + hint);
  }
}

/** A batch's point as one of a stream: with the batch's name, grouped by the batch's tags as Kapacitor does. */
function streamPoint(point: LazyPoint, { name, group, tags, byName }: BatchHead): LazyPoint {
  if (point.name !== '') return point;
  return point.withHead({ name, group, byName, dimensions: Object.keys(tags).sort() });
}

function kindOf(value: unknown): string {
  if (LazyPoint.is(value)) return 'a point';
  if (LazyBatch.is(value)) return 'a batch';
  if (Array.isArray(value)) return 'an array';
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
