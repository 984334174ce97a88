import type { DeadLetter } from '../../model/dead-letters.js';
import type { UseId } from '../../model/statistics.js';
import { messageOf } from '../../model/errors.js';
import { formatLine, showLine } from '../../recording/format-line.js';
import { FrameReader } from '../../wire/frame-reader.js';
import { LazyPoint } from '../../wire/point/lazy-point.js';

/**
 * Formats points as line protocol, which `replay` reads. Before each point, or the points of a batch, is a comment, a JSON
 * object: when, where and why it was dropped, and what line protocol has no place for. A point that line protocol cannot
 * hold is in a comment only. Never throws.
 */
export function formatDeadLetter(
  { udf, task, node }: UseId,
  { reason, droppedAt, batch, points, frames }: DeadLetter,
): string {
  const origin = { time: new Date(droppedAt).toISOString(), udf, task, node, error: reason };
  let text = batch ? comment({ ...origin, batch: { ...batch, points } }) : '';
  eachPoint(frames, (point) => {
    let about = {};
    let line = '';
    let shown = (): string | undefined => undefined; // of bytes that cannot be read
    try {
      if (!batch) about = { ...origin, ...placeOf(point) };
      const { name, tags, fields, time } = point;
      const source = batch
        ? { name: batch.name, tags: { ...batch.tags, ...tags }, fields, time }
        : { name, tags, fields, time };
      shown = () => showLine(source);
      line = `${formatLine(source)}\n`;
    } catch (problem) {
      about = { ...about, notWritten: messageOf(problem), point: shown() };
    }
    if (!batch || line === '') text += comment(about);
    text += line;
  });
  return text;
}

function placeOf({ database, retentionPolicy, group, dimensions, byName }: LazyPoint): object {
  return { database, retentionPolicy, group, dimensions, byName };
}

function comment(content: object): string {
  return `# ${JSON.stringify(content)}\n`;
}

export function eachPoint(frames: Uint8Array, visit: (point: LazyPoint) => void): void {
  const reader = new FrameReader(Infinity, (buf, frame, payload, end) => {
    const point = LazyPoint.fromFrame(buf, frame, payload, end);
    if (point) visit(point);
  });
  reader.push(Buffer.from(frames.buffer, frames.byteOffset, frames.length));
}
