import type { BatchInfo } from '../model/batch.js';
import type { DeadLetters } from '../model/dead-letters.js';
import type { UseId } from '../model/statistics.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';

/** Max bytes of points in one letter, so that a large batch may be kept in part. */
const maxLetterBytes = 256 * 1024;

/** Adds a handler's input; `batch` is that of a point that belongs to one. */
export function addDeadLetters(
  deadLetters: DeadLetters,
  use: UseId,
  input: LazyPoint | LazyBatch,
  batch: BatchInfo | undefined,
  reason: string,
): void {
  const points = input instanceof LazyBatch ? input.points : [input];
  const head = input instanceof LazyBatch ? input : batch;
  const info = head && { name: head.name, group: head.group, tags: { ...head.tags }, byName: head.byName };
  const droppedAt = Date.now();
  for (let start = 0, end = 0; start < points.length; start = end) {
    let bytes = 0;
    do bytes += points[end++]!.frameLength;
    while (end < points.length && bytes + points[end]!.frameLength <= maxLetterBytes);
    // Memory of its own: a view would keep, and post, the whole buffer that it points into.
    const frames = new Uint8Array(bytes);
    let at = 0;
    for (const point of points.slice(start, end)) {
      frames.set(point.frameBytes(), at);
      at += point.frameLength;
    }
    deadLetters.add(use, { points: end - start, frames, batch: info, reason, droppedAt });
  }
}
