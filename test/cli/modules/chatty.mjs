// Logs a hundred thousand lines with each point.
import { defineUdf } from 'kapacitor-udf';

export default defineUdf({
  name: 'chatty',
  wants: 'stream',
  provides: 'stream',
  point(point, { log }) {
    for (let index = 0; index < 100_000; index++)
      log.info('a line of some length, as authors write them', { index });
    return point;
  },
});
