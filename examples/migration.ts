// State that migrates. Version 1 kept a sum and a count; version 2 keeps what a standard deviation needs (B. P. Welford,
// 1962). A task that was snapshot by version 1 continues with its mean; its spread begins with the update.
//
//   @spread().field('usage')
import { defineUdf, option } from 'kapacitor-udf';

interface Version1 {
  readonly sum: number;
  readonly count: number;
}

/** `squares`: the sum of the squared differences from the mean. */
interface Spread {
  count: number;
  mean: number;
  squares: number;
}

export default defineUdf({
  name: 'spread',
  doc: 'Adds the mean and the standard deviation of all values so far.',
  wants: 'stream',
  provides: 'stream',
  options: { field: option.field({ required: true, doc: 'Numeric field.' }) },
  version: 2,
  state: (): Spread => ({ count: 0, mean: 0, squares: 0 }),
  migrate(old) {
    const { sum, count } = old as Version1; // the only version before
    return { count, mean: count === 0 ? 0 : sum / count, squares: 0 };
  },
  point(point, { options, state }) {
    const value = point.number(options.field);
    if (value === undefined) return point;
    const difference = value - state.mean;
    state.count++;
    state.mean += difference / state.count;
    state.squares += difference * (value - state.mean);
    return point.withFields({ mean: state.mean, deviation: Math.sqrt(state.squares / state.count) });
  },
});
