// A join of two streams, group by group: points of two measurements with the same time become one, whose fields are named
// `requests.count` and `errors.count`. A UDF has one input, so a union brings the streams together:
//
//   requests
//       |union(errors)
//       @pair().as('traffic').patience(1m)
import { defineUdf, option, type Point } from 'kapacitor-udf';

export default defineUdf({
  name: 'pair',
  doc: 'Joins points of two measurements that have the same group and time.',
  wants: 'stream',
  provides: 'stream',
  options: {
    as: option.string({ required: true, doc: 'Measurement of the joined points.' }),
    patience: option.duration({ default: '1m', doc: 'How long a point waits for the other one.' }),
  },
  state: () => ({ waiting: new Map<bigint, Point>() }),
  point(point, { options, state: { waiting }, count }) {
    const { time } = point;
    const other = waiting.get(time);
    if (other && other.name !== point.name) {
      waiting.delete(time);
      return point.withName(options.as).replaceFields({ ...prefixedFields(other), ...prefixedFields(point) });
    }
    waiting.set(time, point.detach()); // kept beyond this call
    for (const old of waiting.keys()) {
      if (old >= time - options.patience) continue;
      waiting.delete(old);
      count('unpaired');
    }
    return;
  },
});

function prefixedFields({ name, fields }: Point): Point['fields'] {
  return Object.fromEntries(Object.entries(fields).map(([field, value]) => [`${name}.${field}`, value]));
}
