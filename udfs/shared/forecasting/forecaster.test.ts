import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random as createRandom } from '../../../test/support/random.js';
import { forecastAhead, methodNames } from './forecaster.js';
import { boundsFor, quantile, rankErrors } from './intervals.js';
import { evaluate, Products, ridge } from './least-squares.js';
import { createSeries, type Series } from './series.js';

const perDay = 24;
const week = 7 * perDay;

function drain<Result>(job: Generator<void, Result>): Result {
  for (;;) {
    const step = job.next();
    if (step.done === true) return step.value;
  }
}

/** Load by hour with a day, a week with a quiet weekend, and noise of this size that fades by a half an hour. */
function load(seed: number, hours: number, noise: number): Float64Array {
  const random = createRandom(seed);
  let rest = 0;
  return Float64Array.from({ length: hours }, (_, hour) => {
    rest = 0.5 * rest + noise * (random() + random() + random() - 1.5);
    const isWeekend = Math.floor(hour / perDay) % 7 >= 5;
    return 100 + (isWeekend ? 5 : 20) * Math.sin((2 * Math.PI * hour) / perDay) + rest;
  });
}

function ahead(series: Series, horizon: number, allowed: readonly string[] = methodNames) {
  return drain(forecastAhead(series, horizon, allowed))!;
}

describe('a forecast', () => {
  const truth = load(1, 12 * week, 0);

  it.each(methodNames.flatMap((method) => [1, 6, 24, 48, 200].map((horizon) => ({ method, horizon }))))(
    'by $method of a pattern that repeats is exact at $horizon intervals',
    ({ method, horizon }) => {
      const origin = 10 * week + 13;
      const series = createSeries(truth.slice(0, origin + 1), 0, perDay);
      const forecast = ahead(series, horizon, [method]);
      expect(forecast.method).toBe(method);
      expect(forecast.value).toBeCloseTo(truth[origin + horizon]!, 3);
      expect(forecast.error).toBeCloseTo(0, 3);
    },
  );

  it.each(methodNames)('by %s has gaps of hours and days filled', (method) => {
    const origin = 10 * week + 13;
    const values = truth.slice(0, origin + 1);
    values
      .fill(NaN, 500, 503)
      .fill(NaN, 900, 960)
      .fill(NaN, origin - 4, origin);
    const forecast = ahead(createSeries(values, 0, perDay), 6, [method]);
    expect(Math.abs(forecast.value - truth[origin + 6]!)).toBeLessThan(2);
  });

  it('does not depend on what the pattern begins with', () => {
    const values = load(3, 10 * week, 2);
    for (const first of [0, 5, 29, -100]) {
      const forecast = ahead(createSeries(values, first, perDay), 1, ['seasonalNaive', 'smoothing']);
      expect(forecast.value).toBeCloseTo(
        ahead(createSeries(values, 0, perDay), 1, ['seasonalNaive', 'smoothing']).value,
        0,
      );
    }
  });

  it.each(methodNames)(
    'by %s stays near the values where a change follows what varied by rounding only',
    (method) => {
      const random = createRandom(11);
      const values = truth.slice(0, 10 * week).map((value) => value + 1e-12 * random());
      for (const [index, value] of [103, 110, 112].entries()) values[values.length - 3 + index] = value;
      const forecast = ahead(createSeries(values, 0, perDay), 6, [method]);
      expect(Math.abs(forecast.value - 100)).toBeLessThan(60);
    },
  );

  it('by smoothing errs as its back-test says, also where the level went far in the first week', () => {
    let [errors, tested] = [0, 0];
    for (let seed = 20; seed < 40; seed++) {
      const random = createRandom(seed);
      let level = 0;
      const values = Float64Array.from({ length: 6 * week + 1 }, (_, hour) => {
        level += random() - 0.5 + (hour < week ? 0.5 : 0);
        return level + 10 * Math.sin((2 * Math.PI * hour) / perDay);
      });
      // A window of whole weeks: the target has the time of the week that the window begins with.
      const { value, error } = ahead(createSeries(values.slice(0, -1), 0, perDay), 1, ['smoothing']);
      errors += Math.abs(values.at(-1)! - value);
      tested += error!;
    }
    expect(errors / tested).toBeLessThan(1.5);
  });

  it('is made by the method whose back-test was better, and says its error', () => {
    const values = load(4, 12 * week, 3);
    const series = createSeries(values, 0, perDay);
    const naive = ahead(series, 1, ['seasonalNaive']);
    const best = ahead(series, 1);
    expect(best.method).not.toBe('seasonalNaive');
    expect(best.error!).toBeLessThan(0.8 * naive.error!);
  });

  it('of a short history is of the day before, without intervals', () => {
    const values = load(5, 60, 0);
    const forecast = ahead(createSeries(values, 0, perDay), 24);
    expect(forecast).toMatchObject({ method: 'seasonalNaive', bounds80: undefined, bounds95: undefined });
    expect(forecast.value).toBe(values.at(-1));
  });

  it('is undefined where the history has no value of the season', () => {
    expect(drain(forecastAhead(createSeries(load(6, 10, 0), 0, perDay), 6, methodNames))).toBeUndefined();
    expect(drain(forecastAhead(createSeries(load(6, 10, 0), 0, perDay), 10, methodNames))).toBeUndefined();
  });

  it('is finite, with bounds in order, whatever the values', () => {
    const value = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: -1000, max: 1000 }) },
      fc.constantFrom(NaN, 0, 1e12, -1e12),
    );
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 5, maxLength: 600 }),
        fc.constantFrom(1, 2, 4, 24),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: -500, max: 500 }),
        (values, intervals, horizon, first) => {
          values.push(1); // the origin has a value
          const series = createSeries(Float64Array.from(values), first, intervals);
          const forecast = drain(forecastAhead(series, horizon, methodNames));
          if (forecast === undefined) return;
          expect(Number.isFinite(forecast.value)).toBe(true);
          if (forecast.bounds80 === undefined || forecast.bounds95 === undefined) return;
          for (const { lower, upper } of [forecast.bounds80, forecast.bounds95]) {
            expect(lower).toBeLessThanOrEqual(0); // relative to the forecast
            expect(upper).toBeGreaterThanOrEqual(0);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('has intervals that hold as often as they promise, within 3 points', { timeout: 120_000 }, () => {
    let [count, within80, within95] = [0, 0, 0];
    for (let seed = 10; seed < 18; seed++) {
      const values = load(seed, 30 * week, 4);
      for (let origin = 12 * week; origin + 6 < values.length; origin += 41) {
        const series = createSeries(values.slice(origin - 8 * week, origin + 1), origin - 8 * week, perDay);
        const { value, bounds80, bounds95 } = ahead(series, 6, ['seasonalNaive', 'smoothing']);
        const error = values[origin + 6]! - value;
        count++;
        if (error >= bounds80!.lower && error <= bounds80!.upper) within80++;
        if (error >= bounds95!.lower && error <= bounds95!.upper) within95++;
      }
    }
    expect(Math.abs((100 * within80) / count - 80)).toBeLessThan(3);
    expect(Math.abs((100 * within95) / count - 95)).toBeLessThan(3);
  });
});

describe('quantiles', () => {
  const equal = (...sorted: number[]) => ({
    sorted: Float64Array.from(sorted),
    weights: new Float64Array(sorted.length).fill(1),
  });

  it('are in expectation right for few values', () => {
    expect(quantile(equal(1, 2, 3), 0.5)).toBe(2);
    expect(quantile(equal(1, 2, 3), 0.25)).toBe(1);
    expect(quantile(equal(1, 2, 3), 0.625)).toBe(2.5);
    expect(quantile(equal(1, 2, 3), 0.99)).toBe(3);
  });

  it('depend more on values with more weight', () => {
    const errors = { sorted: Float64Array.of(1, 2, 3), weights: Float64Array.of(0.1, 0.1, 1) };
    expect(quantile(errors, 0.5)).toBeGreaterThan(2.4);
    const mirrored = { sorted: Float64Array.of(-3, -2, -1), weights: errors.weights.toReversed() };
    expect(quantile(mirrored, 0.5)).toBeCloseTo(-quantile(errors, 0.5), 12);
  });

  it('are not known from fewer than 40 errors', () => {
    expect(boundsFor(0.95, rankErrors(new Float64Array(39)), 1)).toBeUndefined();
    expect(boundsFor(0.95, rankErrors(new Float64Array(40)), 1)).toEqual({ lower: 0, upper: 0 });
  });

  it('are in order of size, each with the weight of its age', () => {
    const { sorted, weights } = rankErrors(Float64Array.of(5, -1, 3, 4));
    expect([...sorted]).toEqual([-1, 3, 4, 5]);
    // Two of four errors are half of the back-test.
    const expected = [1, 0.5, 0, 1.5].map((halfLives) => 0.5 ** halfLives);
    expect([...weights]).toEqual(expected.map((weight) => expect.closeTo(weight, 12) as number));
  });

  it('are moved apart where errors have grown, and together where they have shrunk', () => {
    const random = createRandom(7);
    const steady = Float64Array.from({ length: 400 }, () => random() - 0.5);
    const growing = steady.map((error, index) => error * (1 + index / 100)); // 1 to 5 times as large
    const widthOf = (errors: Float64Array): number => {
      const { lower, upper } = boundsFor(0.8, rankErrors(errors), 1)!;
      return upper - lower;
    };
    const mean = widthOf(growing.toSorted((a, b) => Math.sin(1e4 * a) - Math.sin(1e4 * b))); // in no order
    expect(widthOf(growing)).toBeGreaterThan(1.1 * mean);
    expect(widthOf(growing.toReversed())).toBeLessThan(0.9 * mean);
  });

  it('are moved apart where the horizon leaves few independent errors', () => {
    const random = createRandom(9);
    const errors = rankErrors(Float64Array.from({ length: 400 }, () => random() - 0.5));
    const widths = [1, 48, 1000].map((horizon) => boundsFor(0.8, errors, horizon)!.upper);
    expect(widths[1]! / widths[0]!).toBeGreaterThan(1.1);
    expect(widths[2]! / widths[1]!).toBeLessThan(1.4);
  });
});

describe('ridge least squares', () => {
  it('finds the coefficients that made the rows, with a constant column and a repeated one', () => {
    const random = createRandom(8);
    const [all, half] = [new Products(4), new Products(4)];
    for (let row = 0; row < 203; row++) {
      const [a, b] = [random(), 1000 * random()];
      const cells = Float64Array.of(a, b, 7, b, 3 * a - 0.02 * b + 5);
      (row < 100 ? all : half).add(cells);
    }
    const products = new Products(4);
    products.addAll(all);
    products.addAll(half);
    expect(products.count).toBe(203);
    const model = ridge(products, 1e-9);
    expect(evaluate(model, Float64Array.of(0.5, 100, 7, 100))).toBeCloseTo(1.5 - 2 + 5, 5);
    expect(model[2]).toBe(0);
    expect(model[1]! + model[3]!).toBeCloseTo(-0.02, 6);
  });

  it('brings columns back that are farther outside the range of the rows than ten times its width', () => {
    const [all, half] = [new Products(3), new Products(3)];
    for (const [index, x] of [0, 4, 2].entries()) (index < 2 ? all : half).add(Float64Array.of(x, -x, 7, 1));
    all.addAll(half);
    const clamped = new Float64Array(4);
    all.clampInto(clamped, Float64Array.of(45, -44, 8, 99));
    expect([...clamped.subarray(0, 3)]).toEqual([44, -44, 7]);
    all.clampInto(clamped, Float64Array.of(-41, 3, 7, 99));
    expect([...clamped.subarray(0, 3)]).toEqual([-40, 3, 7]);
  });

  it('shrinks coefficients towards zero', () => {
    const products = new Products(1);
    const rows = new Products(1);
    for (const x of [-1, 1]) rows.add(Float64Array.of(x, 2 * x));
    products.addAll(rows);
    expect(ridge(products, 1)[0]).toBeCloseTo(1, 12);
  });
});
