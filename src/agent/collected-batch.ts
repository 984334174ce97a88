import { UdfError } from '../model/errors.js';
import { type BatchHead, type FrameSlice, LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { BeginMessage, EndMessage } from '../wire/messages.js';
import { heldBytes } from './limits.js';

/** A batch that is collected for a handler that takes it whole. */
export class CollectedBatch {
  readonly #begin: BeginMessage;
  /** The frame that opened it. */
  readonly #frame: FrameSlice;
  readonly #limitBytes: number;
  readonly #points: LazyPoint[] = [];
  #bytes = 0;

  constructor(begin: BeginMessage, frame: FrameSlice, limitBytes: number) {
    this.#begin = begin;
    this.#frame = frame;
    this.#limitBytes = limitBytes;
  }

  /** Throws `limit` when the batch has become too large. */
  add(point: LazyPoint): void {
    this.#bytes += heldBytes(point);
    if (this.#bytes > this.#limitBytes) {
      throw new UdfError(
        'limit',
        `a batch takes more than ${this.#limitBytes} bytes (batchBytes); handle it point by point`,
      );
    }
    this.#points.push(point);
  }

  /** The whole batch. `frame` closed it. */
  end(end: EndMessage, frame: FrameSlice): LazyBatch {
    const begin = this.#isHarmless() ? this.#frame : undefined;
    return new LazyBatch(headOf(this.#begin, end), end.tmax, this.#points, begin, frame);
  }

  /** Kapacitor allocates what a begin announces, so a large size goes back only if there are so many points. */
  #isHarmless(): boolean {
    const { size } = this.#begin;
    return size >= 0n && (size <= harmlessSize || size === BigInt(this.#points.length));
  }
}

const harmlessSize = 1_000_000n;

/**
 * Kapacitor takes a batch's name and tags from its end, and `byName` from its begin. Frozen: a handler in JavaScript that
 * writes to it would change what is sent.
 */
export function headOf(begin: BeginMessage, end: EndMessage): BatchHead {
  return Object.freeze({
    name: end.name,
    group: begin.group,
    tags: Object.freeze(end.tags),
    byName: begin.byName,
  });
}
