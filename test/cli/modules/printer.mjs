// Prints a megabyte with each point, in every way that waits for nobody.
import { defineUdf } from 'kapacitor-udf';

export default defineUdf({
  name: 'printer',
  wants: 'stream',
  provides: 'stream',
  point(point) {
    for (let index = 0; index < 2_500; index++) {
      console.log('x'.repeat(99));
      console.error('x'.repeat(99));
      process.stdout.write(`${'x'.repeat(99)}\n`);
      process.stderr.write(`${'x'.repeat(99)}\n`);
    }
    return point;
  },
});
