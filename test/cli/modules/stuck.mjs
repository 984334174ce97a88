// Waits for ever with its first point.
import { defineUdf } from 'kapacitor-udf';

export default defineUdf({
  name: 'stuck',
  wants: 'stream',
  provides: 'stream',
  point(_point, { log }) {
    log.info('stuck');
    return new Promise(() => undefined);
  },
});
