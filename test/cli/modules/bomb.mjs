// Throws where nobody can catch it.
import { defineUdf } from 'kapacitor-udf';

export default defineUdf({
  name: 'bomb',
  wants: 'stream',
  provides: 'stream',
  point() {
    setImmediate(() => {
      throw new Error('boom');
    });
  },
});
