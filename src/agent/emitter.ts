import { UdfError } from '../model/errors.js';
import type { UdfDefinition } from '../udf/definition.js';
import { FrameOutput } from '../wire/frame-output.js';
import { type BatchHead, LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { heldBytes } from './limits.js';
import type { Counters } from './counters.js';

export interface EmitterOptions {
  readonly counters: Counters;
  /** The most that is kept of a batch that is emitted point by point. */
  readonly batchBytes: number;
  /** Called whenever there is something new to send. Throws if it is too much. */
  readonly afterEmit: () => void;
  /** Called with what is wrong with something that was emitted. Throws it, if there is a handler that it stops. */
  readonly refuse: (reason: unknown) => void;
}

/**
 * Turns what a UDF emits into frames, and lets through only what Kapacitor can take: points where the UDF provides a
 * stream, and where it provides batches, whole ones with their true size between one Begin and one End. An End without
 * a Begin or a wrong size would crash the whole daemon.
 */
export class Emitter {
  readonly frames = new FrameOutput();
  /** What the UDF calls. */
  readonly emit: (output: unknown) => void;
  readonly #options: EmitterOptions;
  /** The batch that is being handled. */
  #batch: BatchHead | undefined;
  /** What was emitted of it so far, by a UDF that provides batches point by point. */
  #collected: LazyPoint[] | undefined;
  #collectedBytes = 0;

  constructor(definition: UdfDefinition, options: EmitterOptions) {
    this.#options = options;
    const { afterEmit, refuse } = options;
    const { name, wants, provides, handlers } = definition;

    const emitPoint = (output: unknown): void => {
      if (!(output instanceof LazyPoint)) throw notProvided(name, 'a point', output);
      this.point(output);
      afterEmit();
    };
    const emitBatchPoint = (output: unknown): void => {
      if (!(output instanceof LazyPoint)) throw notProvided(name, 'a point', output);
      this.point(this.#batch ? streamPoint(output, this.#batch) : output);
      afterEmit();
    };
    const collect = (output: unknown): void => {
      if (!(output instanceof LazyPoint)) throw notProvided(name, 'a point', output);
      if (!this.#collected) throw new UdfError('handler', `${name}: emit was called when no batch was open`);
      this.#collect(output, this.#collected);
    };
    const emitBatch = (output: unknown): void => {
      if (!(output instanceof LazyBatch)) throw notProvided(name, 'a batch', output);
      this.batch(output);
      afterEmit();
    };
    const guarded =
      (emit: (output: unknown) => void) =>
      (output: unknown): void => {
        try {
          emit(output);
        } catch (reason) {
          refuse(reason);
        }
      };
    if (provides === 'stream') this.emit = guarded(wants === 'stream' ? emitPoint : emitBatchPoint);
    else this.emit = guarded(wants === 'stream' || handlers.batch ? emitBatch : collect);
  }

  /** Adds a point of a stream. */
  point(point: LazyPoint): void {
    this.#options.counters.pointsOut++;
    this.frames.add(point.buf, point.frame, point.end);
  }

  /** Adds a batch. */
  batch(batch: LazyBatch): void {
    const { counters } = this.#options;
    counters.batchesOut++;
    counters.pointsOut += batch.points.length;
    batch.writeTo(this.frames);
  }

  /** Notes which batch the points that are emitted next come from. */
  from(batch: BatchHead): void {
    this.#batch = batch;
  }

  /** Keeps the points that are emitted next, until `endBatch`. */
  collect(): void {
    this.#collected = [];
    this.#collectedBytes = 0;
  }

  /** Sends what was collected of the batch, if it was. */
  endBatch(batch: BatchHead, time: bigint): void {
    const points = this.#collected;
    if (!points) return;
    this.#collected = undefined;
    this.batch(new LazyBatch(batch, time, points));
    this.#options.afterEmit();
  }

  #collect(point: LazyPoint, collected: LazyPoint[]): void {
    const { batchBytes } = this.#options;
    this.#collectedBytes += heldBytes(point);
    if (this.#collectedBytes > batchBytes) {
      throw new UdfError('limit', `a batch that is emitted takes more than ${batchBytes} bytes (batchBytes)`);
    }
    collected.push(point);
  }
}

/** A batch's point as one of a stream: with the batch's name, grouped by the batch's tags as Kapacitor does. */
function streamPoint(point: LazyPoint, { name, group, tags, byName }: BatchHead): LazyPoint {
  if (point.name !== '') return point;
  return point.withHead({ name, group, byName, dimensions: Object.keys(tags).sort() });
}

function notProvided(udf: string, provided: string, output: unknown): UdfError {
  const got =
    output instanceof LazyPoint
      ? 'a point'
      : output instanceof LazyBatch
        ? 'a batch'
        : output === null
          ? 'null'
          : typeof output;
  return new UdfError('handler', `${udf}: emit takes ${provided} here, got ${got}`);
}
