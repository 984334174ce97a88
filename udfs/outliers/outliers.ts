import { type Batch, type BatchPoint, defineUdf, option, UdfError } from 'kapacitor-udf';
import { quartiles } from './quartiles.js';

export default defineUdf({
  name: 'outliers',
  doc: "Sends on the points of each batch that lie far outside its quartiles (Tukey's method).",
  wants: 'batch',
  provides: 'batch',
  options: {
    field: option.string({ required: true, doc: 'Numeric field to judge points by.' }),
    scale: option.double({
      default: 1.5,
      min: 1,
      doc: 'How many interquartile ranges beyond a quartile a point must lie.',
    }),
    onMissing: option.string({
      oneOf: ['skip', 'error'],
      default: 'skip',
      doc: 'When a point has no number in the field: leave it out, or fail.',
    }),
  },
  batch(batch, context) {
    const { field, scale, onMissing } = context.options;
    const values = numbersOf(batch, field);
    const missing = batch.points.length - values.length;
    if (missing > 0) {
      if (onMissing === 'error') throw missingField(batch, field, missing);
      context.count('missing', missing);
    }
    const found = quartiles(values.sort());
    // Batches whose quartiles are both infinite have NaN for fences, and nothing lies beyond NaN.
    const reach = found ? scale * (found.q3 - found.q1) : NaN;
    const low = found ? found.q1 - reach : NaN;
    const high = found ? found.q3 + reach : NaN;

    const outliers: BatchPoint[] = [];
    for (const point of batch.points) {
      const value = point.field(field);
      // An integer and a double compare exactly, so a point is judged by its own value, never a rounded one.
      if (isNumber(value) && (value < low || value > high)) outliers.push(point);
    }
    context.emit(batch.withPoints(outliers));
  },
});

/** The batch's numbers as doubles, in their order. */
function numbersOf(batch: Batch, field: string): Float64Array {
  const values = new Float64Array(batch.points.length);
  let count = 0;
  for (const point of batch.points) {
    const value = point.field(field);
    if (isNumber(value)) values[count++] = Number(value);
  }
  return values.subarray(0, count);
}

/** NaN has no place in an order, so it is no number here. */
function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' ? !Number.isNaN(value) : typeof value === 'bigint';
}

function missingField(batch: Batch, field: string, missing: number): UdfError {
  return new UdfError(
    'handler',
    `${missing} of ${batch.points.length} points of the batch "${batch.name}" (group "${batch.group}") ` +
      `have no number in the field "${field}"`,
  );
}
