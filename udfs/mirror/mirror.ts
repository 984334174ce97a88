import { defineUdf } from 'kapacitor-udf';

export default defineUdf({
  name: 'mirror',
  doc: 'Sends every point on as it came, byte for byte.',
  wants: 'stream',
  provides: 'stream',
  point: (point) => point,
});
