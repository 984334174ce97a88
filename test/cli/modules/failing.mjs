import { defineUdf } from 'kapacitor-udf';

/** Fails on points with the field `bad`. */
export default defineUdf({
  name: 'failing',
  wants: 'stream',
  provides: 'stream',
  onError: 'drop',
  point(point) {
    if (point.field('bad') === true) throw new Error('it is bad');
    return point;
  },
});
