// Never returns from its first point.
import { defineUdf } from 'kapacitor-udf';

export default defineUdf({
  name: 'frozen',
  wants: 'stream',
  provides: 'stream',
  point() {
    for (;;);
  },
});
