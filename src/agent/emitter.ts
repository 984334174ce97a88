import { UdfError } from '../errors.js';
import type { UdfDefinition } from '../udf/definition.js';
import { FrameOutput } from '../wire/frame-output.js';
import { type BatchHead, LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/lazy-point.js';
import type { Counters } from './stats.js';

/**
 * Turns what a UDF emits into frames, and lets through only what Kapacitor can take: points where the UDF provides a
 * stream, and where it provides batches, whole ones with their true size between one Begin and one End. An End without
 * a Begin or a wrong size would crash the whole daemon.
 */
export class Emitter {
  readonly frames = new FrameOutput();
  /** What the UDF calls. Throws `handler` for what it does not provide. */
  readonly emit: (output: unknown) => void;
  readonly #counters: Counters;
  /** The batch that is being handled. */
  #batch: BatchHead | undefined;
  /** What was emitted of it so far, by a UDF that provides batches point by point. */
  #collected: LazyPoint[] | undefined;

  /** `afterEmit` is called whenever there is something new to send. */
  constructor(definition: UdfDefinition, counters: Counters, afterEmit: () => void) {
    this.#counters = counters;
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
      this.#collected.push(output);
    };
    const emitBatch = (output: unknown): void => {
      if (!(output instanceof LazyBatch)) throw notProvided(name, 'a batch', output);
      this.batch(output);
      afterEmit();
    };
    if (provides === 'stream') this.emit = wants === 'stream' ? emitPoint : emitBatchPoint;
    else this.emit = wants === 'stream' || handlers.batch ? emitBatch : collect;
  }

  /** Adds a point of a stream. */
  point(point: LazyPoint): void {
    this.#counters.pointsOut++;
    this.frames.add(point.buf, point.frame, point.end);
  }

  /** Adds a batch. */
  batch(batch: LazyBatch): void {
    this.#counters.batchesOut++;
    this.#counters.pointsOut += batch.points.length;
    batch.writeTo(this.frames);
  }

  /** Notes which batch the points that are emitted next come from; `collect` if they go out as a batch again. */
  beginBatch(batch: BatchHead, collect: boolean): void {
    this.#batch = batch;
    this.#collected = collect ? [] : undefined;
  }

  /** Sends what was collected of the batch. */
  endBatch(batch: BatchHead, time: bigint): void {
    if (this.#collected) this.batch(new LazyBatch(batch, time, this.#collected));
    this.#collected = undefined;
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
