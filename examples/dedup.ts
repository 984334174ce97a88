// Deduplication by an ID: the first point of each ID passes; those that repeat it within a time, from a sender that tries
// again for example, do not. For whole points that are repeated, every UDF has `.distinct()`.
//
//   @firstOf().id('order').within(10m)
import { defineUdf, option } from 'kapacitor-udf';

export default defineUdf({
  name: 'firstOf',
  doc: 'Drops points whose ID was there before.',
  wants: 'stream',
  provides: 'stream',
  options: {
    id: option.field({ required: true, doc: 'Field with the ID; points without it pass.' }),
    within: option.duration({ default: '10m', doc: 'How long an ID is remembered.' }),
  },
  state: () => ({ seen: new Map<string, bigint>() }), // in the order of time
  point(point, { options, state: { seen }, count }) {
    const id = point.field(options.id);
    if (id === undefined) return point;
    for (const [old, time] of seen) {
      if (time >= point.time - options.within) break;
      seen.delete(old);
    }
    const key = `${typeof id} ${String(id)}`; // 1, 1i and "1" are three IDs
    if (seen.has(key)) {
      count('repeated');
      return;
    }
    seen.set(key, point.time);
    return point;
  },
});
