import { type Batch, type BatchPoint, defineUdf, option, UdfError } from 'kapacitor-udf';
import { quartiles } from './quartiles.js';

export default defineUdf({
  name: 'outliers',
  doc: "Sends on the points of each batch that lie far outside its quartiles (Tukey's method).",
  wants: 'batch',
  provides: 'batch',
  options: {
    field: option.field({ required: true, doc: 'Numeric field to judge points by.' }),
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
    const values = batch.points.map((point) => numberIn(point, field));
    const numbers = values.filter((value) => value !== undefined);
    const missing = values.length - numbers.length;
    if (missing > 0) {
      if (onMissing === 'error') throw missingField(batch, field, missing);
      context.count('missing', missing);
    }
    const { low, high } = fences(Float64Array.from(numbers, Number).sort(), scale);
    context.emit(
      batch.withPoints(
        batch.points.filter((_, index) => {
          const value = values[index];
          // An integer and a double compare exactly: a point is judged by its own value, never a rounded one.
          return value !== undefined && (value < low || value > high);
        }),
      ),
    );
  },
});

/** The point's number in the field. NaN has no place in an order, so it is none. */
function numberIn(point: BatchPoint, field: string): number | bigint | undefined {
  const value = point.field(field);
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value;
  return typeof value === 'bigint' ? value : undefined;
}

/** Between which values a point is no outlier. Nothing lies beyond NaN: without quartiles there are no outliers. */
function fences(sorted: Float64Array, scale: number): { readonly low: number; readonly high: number } {
  const found = quartiles(sorted);
  if (!found) return { low: NaN, high: NaN };
  const reach = scale * (found.q3 - found.q1);
  return { low: found.q1 - reach, high: found.q3 + reach };
}

function missingField(batch: Batch, field: string, missing: number): UdfError {
  return new UdfError(
    'handler',
    `${missing} of ${batch.points.length} points of the batch "${batch.name}" (group "${batch.group}") ` +
      `have no number in the field "${field}"`,
  );
}
