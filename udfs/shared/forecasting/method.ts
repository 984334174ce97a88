import type { Series } from './series.js';

/** A range of origins, by their places in the series; its end is exclusive. */
export interface Fold {
  readonly start: number;
  readonly end: number;
}

/** What a method is asked for. */
export interface Question {
  /** Intervals from the origin to the one that is forecast. */
  readonly horizon: number;
  /** The origins 0, 1, … whose targets lie in the series, divided in order. The first fold is for training only. */
  readonly folds: readonly Fold[];
  /** Gets the back-test: of each origin, what was measured minus what the method says with what was known then; NaN if none. */
  readonly errors: Float64Array;
}

/** A way to forecast. Yields about each millisecond, so that its caller can let others run. */
export interface Method {
  readonly name: string;
  /** The forecast from the last value of a series; `undefined` if the history is too short. */
  forecast(series: Series, question: Question): Generator<void, number | undefined>;
}
