import type { ForecastItem, Forecasting, History } from '../shared/forecasting/prepare.js';

/** Forecasts of a group that are being made, as its state keeps them. */
export interface Job {
  /** The history that they are made from, as it was when they were begun. */
  readonly first: number;
  readonly values: Float64Array;
  /** The slices that are done. */
  slices: number;
}

/**
 * Steps of a slice, each of a millisecond at most. They are counted, not timed, so that a worker that repeats its input is
 * where the one before it was.
 */
const stepsPerSlice = 8;

/** The work of jobs that have not been restored from a snapshot. */
const works = new WeakMap<Job, Generator<void, ForecastItem[]>>();

export function beginJob({ first, values }: History): Job {
  return { first, values, slices: 0 };
}

/** Does the next slice. Returns the forecasts once they are made. A restored job first repeats the slices that were done. */
export function nextSlice(job: Job, forecasting: Forecasting): ForecastItem[] | undefined {
  let work = works.get(job);
  if (work === undefined) {
    work = forecasting.forecast(job);
    works.set(job, work);
    for (let slice = 0; slice < job.slices; slice++) {
      const items = run(work);
      if (items !== undefined) return items; // made by a version whose slices are shorter
    }
  }
  job.slices++;
  return run(work);
}

function run(work: Generator<void, ForecastItem[]>): ForecastItem[] | undefined {
  for (let step = 0; step < stepsPerSlice; step++) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
  return undefined;
}

/** Whether a restored job is one that `nextSlice` can continue. */
export function isJob(job: unknown): boolean {
  if (typeof job !== 'object' || job === null) return false;
  const { first, values, slices } = job as { readonly [Key in keyof Job]?: unknown };
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(slices) || (slices as number) < 0) return false;
  return values instanceof Float64Array && values.length > 0 && !Number.isNaN(values.at(-1));
}
