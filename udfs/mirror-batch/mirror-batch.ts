import { defineUdf } from 'kapacitor-udf';

export default defineUdf({
  name: 'mirrorBatch',
  doc: 'Sends every batch on as it came, byte for byte.',
  wants: 'batch',
  provides: 'batch',
  batch: (batch) => batch,
});
