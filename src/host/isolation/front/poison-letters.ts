import { CollectedBatch } from '../../../agent/collected-batch.js';
import { addDeadLetters } from '../../../agent/dead-letters.js';
import type { BatchInfo } from '../../../model/batch.js';
import type { DeadLetters } from '../../../model/dead-letters.js';
import type { UseId } from '../../../model/statistics.js';
import { FrameReader } from '../../../wire/frame-reader.js';
import { type BeginMessage, decodeRequest } from '../../../wire/messages.js';
import { LazyPoint } from '../../../wire/point/lazy-point.js';
import type { Journal, Span } from '../supervisor/journal.js';
import { batchStart } from '../supervisor/poison.js';

/** Adds the points in a part of the input, of a stream or of one batch, that is left out. */
export function addPoisonLetters(
  deadLetters: DeadLetters,
  use: UseId,
  journal: Journal,
  span: Span,
  reason: string,
): void {
  let batch: CollectedBatch | undefined;
  const info = batchOf(journal, span.start);
  const reader = new FrameReader(Infinity, (buf, start, payload, end) => {
    const frame = { buf, start, end };
    const request = decodeRequest(buf.subarray(payload, end));
    if (request.kind === 'begin') {
      batch = new CollectedBatch(request, frame, Infinity);
    } else if (request.kind === 'end') {
      if (batch) addDeadLetters(deadLetters, use, batch.end(request, frame), undefined, reason);
    } else if (request.kind === 'point') {
      const point = LazyPoint.fromFrame(buf, start, payload, end) ?? LazyPoint.fromMessage(request);
      if (batch) batch.add(point);
      else addDeadLetters(deadLetters, use, point, info, reason);
    }
  });
  reader.push(journal.copy(span));
}

/** The batch that the input at `position` is within, if any. */
function batchOf(journal: Journal, position: number): BatchInfo | undefined {
  const start = batchStart(journal, position);
  if (start === position) return undefined;
  let begin: BeginMessage | undefined;
  journal.visitFrames(start, (_span, payload) => {
    const request = decodeRequest(payload);
    if (request.kind === 'begin') begin = request;
    return false;
  });
  return begin;
}
