/**
 * Trains the bundled model `voltage`, writes it, and prints its accuracy on a grid that it has not seen. After `npm run build`:
 *
 *   node udfs/predict/training/train-voltage.mjs
 */
import { writeFileSync } from 'node:fs';
import { scoreOf, trainTrees } from './boosted-trees.mjs';
import { onnxOfTrees } from './onnx-model.mjs';
import { featureNames, voltageExamples } from './voltage-data.mjs';

const file = new URL('../models/voltage.onnx', import.meta.url);
const trainingSeeds = [1, 2, 3, 4, 5];
const heldOutSeed = 1001;

/** The model computes the change from the mean of the hour by itself. */
const withChange = (row) => [...row, Math.fround(row[0]) - Math.fround(row[1])];

const parts = trainingSeeds.map((seed) => voltageExamples({ seed, meters: 70, days: 14, every: 23 }));
const rows = parts.flatMap(({ rows }) => rows.map(withChange));
const labels = parts.flatMap(({ outside }) => outside);
const model = trainTrees(rows, labels, { trees: 40, depth: 5, rate: 0.25, minWeight: 10 });
writeFileSync(
  file,
  onnxOfTrees(model, {
    name: 'voltage',
    features: featureNames,
    differences: [['change', 'voltage', 'hour_mean']],
    classes: ['inside', 'outside'],
  }),
);

const heldOut = voltageExamples({ seed: heldOutSeed, meters: 70, days: 14, every: 23 });
const accuracy = (predictions) =>
  predictions.filter((prediction, index) => prediction === heldOut.outside[index]).length /
  predictions.length;
const predictions = heldOut.rows.map((row) => scoreOf(model, withChange(row)) > 0);
const share = (list) => list.filter(Boolean).length / list.length;
console.log({
  examples: rows.length,
  heldOut: heldOut.rows.length,
  outside: share(heldOut.outside),
  accuracy: accuracy(predictions),
  found: share(predictions.filter((_, index) => heldOut.outside[index])),
  right: share(heldOut.outside.filter((_, index) => predictions[index])),
  asAnHourAgo: accuracy(heldOut.hourAgo),
  alwaysInside: accuracy(heldOut.outside.map(() => false)),
});
