/**
 * Gradient-boosted trees for two classes (J. Friedman, Greedy function approximation, 2001), with the logistic loss, second-order
 * leaves and histograms of the features.
 */

/** Splits are looked for between this many ranges of a feature. */
const bins = 256;

/**
 * Returns `{ base, trees }`: the log-odds of a row are `base` and the leaves that it reaches. A node is
 * `{ feature, threshold, low, high }`, low for values up to the threshold, or `{ value }`.
 */
export function trainTrees(rows, labels, { trees: count, depth, rate, minWeight }) {
  const { cuts, binned } = binRows(rows);
  const share = labels.filter(Boolean).length / labels.length;
  const base = Math.log(share / (1 - share));
  const scores = new Float64Array(rows.length).fill(base);
  const gradients = new Float64Array(rows.length);
  const weights = new Float64Array(rows.length);
  const trees = [];
  for (let number = 0; number < count; number++) {
    for (let row = 0; row < rows.length; row++) {
      const probability = 1 / (1 + Math.exp(-scores[row]));
      gradients[row] = (labels[row] ? 1 : 0) - probability;
      weights[row] = probability * (1 - probability);
    }
    const all = Uint32Array.from(rows, (_, row) => row);
    trees.push(grow(all, { cuts, binned, gradients, weights, scores, rate, minWeight }, depth));
  }
  return { base, trees };
}

/** The log-odds of a row. */
export function scoreOf({ base, trees }, row) {
  return trees.reduce((sum, tree) => {
    let node = tree;
    while (node.value === undefined) node = row[node.feature] <= node.threshold ? node.low : node.high;
    return sum + node.value;
  }, base);
}

/** Cuts each feature at quantiles, and evenly between its extremes, which rare values are near to. Numbers the range of each value. */
function binRows(rows) {
  const cuts = rows[0].map((_, feature) => {
    const sorted = Float64Array.from(rows, (row) => row[feature]).sort();
    const [min, max] = [sorted[0], sorted.at(-1)];
    const at = [];
    for (let share = 2 / bins; share < 1; share += 2 / bins) {
      at.push(sorted[Math.floor(share * sorted.length)], min + share * (max - min));
    }
    // Models compute in single precision.
    return [...new Set(at.map(Math.fround))].filter((cut) => cut < max).sort((a, b) => a - b);
  });
  const binned = cuts.map((ofFeature, feature) =>
    Uint8Array.from(rows, (row) => rangeOf(Math.fround(row[feature]), ofFeature)),
  );
  return { cuts, binned };
}

/** The number of cuts below a value, by halving. */
function rangeOf(value, cuts) {
  let low = 0;
  let high = cuts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value > cuts[middle]) low = middle + 1;
    else high = middle;
  }
  return low;
}

function grow(rows, training, depth) {
  const { binned, cuts } = training;
  const split = depth > 0 ? bestSplit(rows, training) : undefined;
  if (!split) return leaf(rows, training);
  const { feature, bin } = split;
  return {
    feature,
    threshold: cuts[feature][bin],
    low: grow(
      rows.filter((row) => binned[feature][row] <= bin),
      training,
      depth - 1,
    ),
    high: grow(
      rows.filter((row) => binned[feature][row] > bin),
      training,
      depth - 1,
    ),
  };
}

function leaf(rows, { gradients, weights, scores, rate }) {
  let gradient = 0;
  let weight = 1;
  for (const row of rows) {
    gradient += gradients[row];
    weight += weights[row];
  }
  const value = Math.fround((rate * gradient) / weight);
  for (const row of rows) scores[row] += value;
  return { value };
}

function bestSplit(rows, { binned, cuts, gradients, weights, minWeight }) {
  let best;
  let bestGain = 1e-6;
  for (let feature = 0; feature < cuts.length; feature++) {
    const gradientOf = new Float64Array(bins);
    const weightOf = new Float64Array(bins);
    let gradient = 0;
    let weight = 0;
    for (const row of rows) {
      const bin = binned[feature][row];
      gradientOf[bin] += gradients[row];
      weightOf[bin] += weights[row];
      gradient += gradients[row];
      weight += weights[row];
    }
    let lowGradient = 0;
    let lowWeight = 0;
    for (let bin = 0; bin < cuts[feature].length; bin++) {
      lowGradient += gradientOf[bin];
      lowWeight += weightOf[bin];
      if (lowWeight < minWeight || weight - lowWeight < minWeight) continue;
      const gain =
        lowGradient ** 2 / (lowWeight + 1) +
        (gradient - lowGradient) ** 2 / (weight - lowWeight + 1) -
        gradient ** 2 / (weight + 1);
      if (gain > bestGain) {
        bestGain = gain;
        best = { feature, bin };
      }
    }
  }
  return best;
}
