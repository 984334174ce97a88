// The frame parser and every message behind it: requests, responses, and all that can be read from a point.
import { decodeRequest, decodeResponse } from '../../dist/src/wire/messages.js';
import { FrameReader } from '../../dist/src/wire/frame-reader.js';
import { LazyPoint } from '../../dist/src/wire/point/lazy-point.js';
import { expectOwnErrors } from './expected.mjs';

export async function fuzz(data) {
  for (const chunkBytes of [data.length || 1, 7]) {
    await expectOwnErrors(() => {
      const reader = new FrameReader(1024 * 1024, visit);
      for (let at = 0; at < data.length; at += chunkBytes) reader.push(data.subarray(at, at + chunkBytes));
    });
  }
}

function visit(buf, frame, payload, end) {
  const point = LazyPoint.fromFrame(buf, frame, payload, end);
  if (point) {
    const { time, name, database, retentionPolicy, group, dimensions, byName, tags, fields } = point;
    const copy = point.withFields({ ...fields, added: 1 }).withTag('tag', 'value');
    if (copy.time !== time || copy.name !== name || copy.group !== group)
      throw new Error('a change changed more');
    if (copy.field('added') !== 1) throw new Error('an added field is lost');
    void [database, retentionPolicy, dimensions, byName, tags, JSON.stringify(point)];
  }
  const bytes = buf.subarray(payload, end);
  void expectOwnErrors(() => decodeResponse(bytes));
  decodeRequest(bytes);
}
