import type { Method } from './method.js';

/** The value of the same time a week before, of the newest week that is known; of the day, with less than two weeks. */
export const seasonalNaive: Method = {
  name: 'seasonalNaive',
  *forecast({ values, filled, perDay }, { horizon, folds, errors }) {
    const season = values.length >= 14 * perDay ? 7 * perDay : perDay;
    const lag = Math.ceil(horizon / season) * season - horizon;
    for (let origin = Math.max(folds[0]!.end, lag); origin < errors.length; origin++) {
      errors[origin] = values[origin + horizon]! - filled[origin - lag]!;
    }
    return filled[values.length - 1 - lag];
  },
};
