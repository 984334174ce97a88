// Forgets to wait for a promise that is rejected, with every point.
import { defineUdf } from 'kapacitor-udf';

export default defineUdf({
  name: 'forgetful',
  wants: 'stream',
  provides: 'stream',
  point(point, { emit }) {
    void Promise.reject(new Error('lost'));
    emit(point);
  },
});
