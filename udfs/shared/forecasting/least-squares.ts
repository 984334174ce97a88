/** Rows whose products are summed in one pass over the cells, which are read and written once for all of them. */
const block = 4;
/** How far columns may be outside the range of the rows that a model was made of, in widths of it. A level may have moved far. */
const maxReach = 10;

/** Sums of products for a ridge regression: of each column with each, and with the target, which comes last. */
export class Products {
  readonly size: number;
  count = 0;
  /** The lower half of a square matrix, row by row. */
  readonly cells: Float64Array;
  readonly sums: Float64Array;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  readonly #rows: Float64Array;
  #waiting = 0;

  /** `columns` without the target. */
  constructor(columns: number) {
    this.size = columns + 1;
    this.cells = new Float64Array(this.size * this.size);
    this.sums = new Float64Array(this.size);
    this.#min = new Float64Array(this.size).fill(Infinity);
    this.#max = new Float64Array(this.size).fill(-Infinity);
    this.#rows = new Float64Array(block * this.size);
  }

  /** Adds a row: its columns, then the target. */
  add(row: Float64Array): void {
    this.#rows.set(row, this.#waiting * this.size);
    this.count++;
    const [min, max] = [this.#min, this.#max];
    for (let at = 0; at < this.size; at++) {
      const value = row[at]!;
      if (value < min[at]!) min[at] = value;
      if (value > max[at]!) max[at] = value;
    }
    if (++this.#waiting === block) this.#sum();
  }

  /** Adds the sums of others of the same size. */
  addAll(other: Products): void {
    other.#sum();
    this.count += other.count;
    for (let at = 0; at < this.cells.length; at++) this.cells[at]! += other.cells[at]!;
    for (let at = 0; at < this.size; at++) {
      this.sums[at]! += other.sums[at]!;
      this.#min[at] = Math.min(this.#min[at]!, other.#min[at]!);
      this.#max[at] = Math.max(this.#max[at]!, other.#max[at]!);
    }
  }

  /**
   * Copies a row, with columns that are too far outside the range of the rows brought back: a linear model has no ground to say
   * anything there. Of a column that varied by rounding only it would make any number once there is a real change.
   */
  clampInto(target: Float64Array, row: Float64Array): void {
    const [min, max] = [this.#min, this.#max];
    for (let at = 0; at < this.size - 1; at++) {
      const reach = maxReach * (max[at]! - min[at]!);
      target[at] = Math.min(Math.max(row[at]!, min[at]! - reach), max[at]! + reach);
    }
  }

  /** Sums the rows that wait. */
  #sum(): void {
    if (this.#waiting === 0) return;
    const { cells, sums, size } = this;
    const rows = this.#rows;
    rows.fill(0, this.#waiting * size);
    this.#waiting = 0;
    for (let i = 0; i < size; i++) {
      const a = rows[i]!;
      const b = rows[size + i]!;
      const c = rows[2 * size + i]!;
      const d = rows[3 * size + i]!;
      sums[i]! += a + b + c + d;
      const start = i * size;
      for (let j = 0; j <= i; j++) {
        cells[start + j]! +=
          a * rows[j]! + b * rows[size + j]! + c * rows[2 * size + j]! + d * rows[3 * size + j]!;
      }
    }
  }
}

/** The coefficients of a linear model by column, then its intercept. */
export type LinearModel = Float64Array;

/**
 * Ridge least squares (A. Hoerl, R. Kennard: "Ridge Regression", 1970) on columns that are scaled to unit variance, with an
 * intercept that is not shrunk, by Cholesky's method. `products` are sums to which `addAll` has added all rows. The penalty
 * is relative to a column's variance and must be positive.
 */
export function ridge({ cells, sums, size, count }: Products, penalty: number): LinearModel {
  const columns = size - 1;
  const means = sums.map((sum) => sum / count);
  const covariance = (i: number, j: number): number => cells[i * size + j]! / count - means[i]! * means[j]!;
  // A column that is constant but for rounding gets the coefficient 0.
  const scales = means.slice(0, columns).map((_, i) => {
    const variance = covariance(i, i);
    return variance > (1e-12 * cells[i * size + i]!) / count ? 1 / Math.sqrt(variance) : 0;
  });
  const factor = new Float64Array(columns * columns);
  const model = new Float64Array(size);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < i; j++) {
      let value = covariance(i, j) * scales[i]! * scales[j]!;
      for (let k = 0; k < j; k++) value -= factor[i * columns + k]! * factor[j * columns + k]!;
      factor[i * columns + j] = value / factor[j * columns + j]!;
    }
    let pivot = 1 + penalty;
    let right = covariance(columns, i) * scales[i]!;
    for (let k = 0; k < i; k++) {
      pivot -= factor[i * columns + k]! ** 2;
      right -= factor[i * columns + k]! * model[k]!;
    }
    const root = Math.sqrt(Math.max(pivot, penalty)); // at least the penalty, but for rounding
    factor[i * columns + i] = root;
    model[i] = right / root;
  }
  for (let i = columns - 1; i >= 0; i--) {
    let value = model[i]!;
    for (let k = i + 1; k < columns; k++) value -= factor[k * columns + i]! * model[k]!;
    model[i] = value / factor[i * columns + i]!;
  }
  let intercept = means[columns]!;
  for (let i = 0; i < columns; i++) {
    model[i]! *= scales[i]!;
    intercept -= model[i]! * means[i]!;
  }
  model[columns] = intercept;
  return model;
}

/** The model's value for a row of columns; what follows them is not read. */
export function evaluate(model: LinearModel, row: Float64Array): number {
  const columns = model.length - 1;
  let sum = model[columns]!;
  for (let i = 0; i < columns; i++) sum += model[i]! * row[i]!;
  return sum;
}
