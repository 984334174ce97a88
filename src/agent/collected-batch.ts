import { UdfError } from '../model/errors.js';
import { type BatchHead, type FrameSlice, LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { BeginMessage, EndMessage } from '../wire/messages.js';
import { retainedBytes } from './limits.js';

/** Collects a batch for a `batch` handler. */
export class CollectedBatch {
  readonly #begin: BeginMessage;
  /** The frame of the begin message. */
  readonly #beginFrame: FrameSlice;
  readonly #maxBytes: number;
  readonly #points: LazyPoint[] = [];
  #bytes = 0;

  constructor(begin: BeginMessage, beginFrame: FrameSlice, maxBytes: number) {
    this.#begin = begin;
    this.#beginFrame = beginFrame;
    this.#maxBytes = maxBytes;
  }

  /** Throws `limit` if the batch becomes too large. */
  add(point: LazyPoint): void {
    this.#bytes += retainedBytes(point);
    if (this.#bytes > this.#maxBytes) {
      throw new UdfError(
        'limit',
        `a batch takes more than ${this.#maxBytes} bytes (batchBytes); handle it point by point`,
      );
    }
    this.#points.push(point);
  }

  /** The complete batch. Its original begin and end frames are kept for output, if safe. */
  end(end: EndMessage, endFrame: FrameSlice): LazyBatch {
    const beginFrame = this.#isSizeSafe() ? this.#beginFrame : undefined;
    return new LazyBatch(headOf(this.#begin, end), end.tmax, this.#points, beginFrame, endFrame);
  }

  /** Kapacitor allocates memory for the announced size: a large one is sent back only if it is true. */
  #isSizeSafe(): boolean {
    const { size } = this.#begin;
    return size >= 0n && (size <= maxUncheckedSize || size === BigInt(this.#points.length));
  }
}

/** Max announced size that is sent back unchecked. */
const maxUncheckedSize = 1_000_000n;

/**
 * Combines a batch's head as Kapacitor does: name and tags from the end message, `byName` from the begin. It is frozen, as
 * a handler that writes to it would change what is sent.
 */
export function headOf(begin: BeginMessage, end: EndMessage): BatchHead {
  return Object.freeze({
    name: end.name,
    group: begin.group,
    tags: Object.freeze(end.tags),
    byName: begin.byName,
  });
}
