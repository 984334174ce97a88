// The top k of each batch, as a stream: one point each, the highest first, with its rank.
//
//   batch
//       |query('SELECT usage FROM "telegraf"."autogen"."cpu"').period(1h).every(1h).groupBy('dc')
//       @topK().field('usage').k(3)
import { defineUdf, option } from 'kapacitor-udf';

export default defineUdf({
  name: 'topK',
  doc: 'Emits the points of each batch with the highest values.',
  wants: 'batch',
  provides: 'stream',
  options: {
    field: option.field({ required: true, doc: 'Numeric field to compare.' }),
    k: option.int({ default: 10, min: 1, doc: 'Points to emit.' }),
  },
  batch(batch, { options }) {
    return batch.points
      .flatMap((point) => {
        const value = point.number(options.field);
        return value === undefined ? [] : [{ point, value }];
      })
      .sort((a, b) => b.value - a.value)
      .slice(0, options.k)
      .map(({ point }, index) => point.withField('rank', BigInt(index + 1)));
  },
});
