/**
 * The bundled UDFs: each alone, and all of them as `bundledUdfs`.
 *
 * @module kapacitor-udf/udfs
 */

import type { UdfDefinition } from 'kapacitor-udf';
import calendarTotals from './calendar-totals/calendar-totals.js';
import edgeDetect from './edge-detect/edge-detect.js';
import forecast from './forecast/forecast.js';
import forecastBatch from './forecast-batch/forecast-batch.js';
import mirror from './mirror/mirror.js';
import mirrorBatch from './mirror-batch/mirror-batch.js';
import movingAverage from './moving-average/moving-average.js';
import outliers from './outliers/outliers.js';
import predict from './predict/predict.js';

export {
  calendarTotals,
  edgeDetect,
  forecast,
  forecastBatch,
  mirror,
  mirrorBatch,
  movingAverage,
  outliers,
  predict,
};

/** The UDFs that come with this package, by name. */
export const bundledUdfs: readonly UdfDefinition[] = [
  calendarTotals,
  edgeDetect,
  forecast,
  forecastBatch,
  mirror,
  mirrorBatch,
  movingAverage,
  outliers,
  predict,
];
