import { decodeRequest } from '../../../wire/messages.js';
import { readTick, tickByte } from '../../../agent/timers/tick.js';
import { beginTag0, endTag0, pointTag0 } from '../../../wire/tags.js';
import type { Journal, Span } from './journal.js';
import type { UdfInfo } from '../worker/messages.js';

/**
 * The batch that input belongs to and must be left out with: that of a begin or end, and of a point in a batch that the UDF
 * handles as a whole. `undefined` for a point that can be left out alone. A batch whose end has not come has an `end` of
 * `NaN`: it cannot be left out.
 */
export function wholeBatch(
  journal: Journal,
  frame: Span,
  { wants, collectsBatches }: UdfInfo,
): Span | undefined {
  if (wants === 'stream' || isTick(journal, frame)) return undefined;
  const seen: { begin: number; isPoint: boolean; found?: Span } = { begin: frame.start, isPoint: false };
  journal.visitFrames(journal.start, (span, payload) => {
    if (payload[0] === beginTag0 && span.start <= frame.start) seen.begin = span.start;
    if (span.start === frame.start) seen.isPoint = payload[0] === pointTag0;
    if (span.start < frame.start || payload[0] !== endTag0) return true;
    seen.found = { start: seen.begin, end: span.end };
    return false;
  });
  return seen.isPoint && !collectsBatches ? undefined : (seen.found ?? { start: seen.begin, end: NaN });
}

/** Whether a frame tells the time, and so fires timers. */
export function isTick(journal: Journal, frame: Span): boolean {
  let found = false;
  journal.visitFrames(frame.start, (_span, payload) => {
    found = payload[0] === tickByte;
    return false;
  });
  return found;
}

/** Where the batch began that `position` is in; `position` itself if it is in none. */
export function batchStart(journal: Journal, position: number): number {
  let open: number | undefined;
  journal.visitFrames(journal.start, (span, payload) => {
    if (span.start >= position) return false;
    if (payload[0] === beginTag0) open = span.start;
    else if (payload[0] === endTag0) open = undefined;
    return true;
  });
  return open ?? position;
}

export function countPoints(journal: Journal, { start, end }: Span): number {
  let points = 0;
  journal.visitFrames(start, (span, payload) => {
    if (span.start >= end) return false;
    if (payload[0] === pointTag0) points++;
    return true;
  });
  return points;
}

/** What input is, for people: which group, and when. */
export function describeInput(journal: Journal, { start }: Span): string {
  let text = 'input';
  journal.visitFrames(start, (_span, payload) => {
    const tick = readTick(payload, 0, payload.length);
    if (tick) {
      text = `the timers that were due at ${tick.time}`;
      return false;
    }
    const request = decodeRequest(payload);
    if (request.kind === 'point') text = `the point of group "${request.group}" at ${request.time}`;
    else if (request.kind === 'begin') text = `a batch of group "${request.group}"`;
    return false;
  });
  return text;
}
