import { type Batch, type BatchPoint, defineUdf, option, UdfError } from 'kapacitor-udf';
import { exampleQuartiles, type Quartiles, quartiles } from './quartiles.js';

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
    quartiles: option.string({
      oneOf: ['median', 'example'],
      default: 'median',
      doc: "How quartiles are found: the median of each half, or as Kapacitor's own example does.",
    }),
    onMissing: option.string({
      oneOf: ['skip', 'error'],
      default: 'skip',
      doc: 'When a point has no number in the field: leave it out, or fail.',
    }),
  },
  batch(batch, context) {
    const { field, scale, onMissing } = context.options;
    const quartilesOf = context.options.quartiles === 'median' ? quartiles : exampleQuartiles;
    const values = batch.points.map((point) => numberIn(point, field));
    const numbers = values.filter((value) => value !== undefined);
    const missing = values.length - numbers.length;
    if (missing > 0) {
      if (onMissing === 'error') throw missingField(batch, field, missing);
      context.count('missing', missing);
    }
    const sorted = Float64Array.from(numbers, Number).sort();
    const { low, high } = fences(quartilesOf(sorted), scale);
    context.emit(
      batch.withPoints(
        batch.points.filter((_, index) => {
          const value = values[index];
          // Compares the original value: bigint and number compare exactly, without rounding.
          return value !== undefined && (value < low || value > high);
        }),
      ),
    );
  },
});

/** The field's number; `undefined` for NaN, which cannot be sorted. */
function numberIn(point: BatchPoint, field: string): number | bigint | undefined {
  const value = point.field(field);
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value;
  return typeof value === 'bigint' ? value : undefined;
}

/** The bounds beyond which values are outliers; NaN, which excludes nothing, without quartiles. */
function fences(
  found: Quartiles | undefined,
  scale: number,
): { readonly low: number; readonly high: number } {
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
