/** Writes trees as an ONNX model. */
import { attributes, encodeModel } from './onnx-schema.mjs';

/** The numbers of element types. */
const elements = { float: 1, string: 8 };

/** A tensor whose first dimension is the number of points. */
function value(name, type, columns) {
  const dimensions = [{ name: 'points' }, ...(columns === undefined ? [] : [{ size: columns }])];
  return { name, type: { tensor: { element: elements[type], shape: { dimensions } } } };
}

const bytes = (text) => Buffer.from(text);

/**
 * The model of `trees` (see boosted-trees.mjs) for two classes, the second of which the trees give the log-odds of. It has an input
 * for each of `features`, and computes the others, `differences`: `[name, minuend, subtrahend]`.
 */
export function onnxOfTrees({ trees, base }, { name, features, differences, classes }) {
  const nodes = [];
  for (const [result, ...inputs] of differences) nodes.push({ inputs, outputs: [result], operator: 'Sub' });
  const columns = [...features, ...differences.map(([result]) => result)];
  nodes.push({
    inputs: columns,
    outputs: ['columns'],
    operator: 'Concat',
    attributes: attributes({ axis: { integer: 1 } }),
  });
  nodes.push({
    inputs: ['columns'],
    outputs: ['label', 'probabilities'],
    operator: 'TreeEnsembleClassifier',
    domain: 'ai.onnx.ml',
    attributes: attributes({
      ...treeAttributes(trees),
      base_values: { floats: [base] },
      classlabels_strings: { texts: classes.map(bytes) },
      post_transform: { text: bytes('LOGISTIC') },
    }),
  });
  return encodeModel({
    irVersion: 8,
    producer: 'kapacitor-udf',
    opsets: [
      { domain: '', version: 13 },
      { domain: 'ai.onnx.ml', version: 1 },
    ],
    graph: {
      name,
      nodes,
      inputs: features.map((feature) => value(feature, 'float', 1)),
      outputs: [value('label', 'string'), value('probabilities', 'float', 2)],
    },
  });
}

/** The attributes that list the nodes of all trees. */
function treeAttributes(trees) {
  const nodes = {
    treeids: [],
    nodeids: [],
    featureids: [],
    values: [],
    modes: [],
    truenodeids: [],
    falsenodeids: [],
  };
  const leaves = { treeids: [], nodeids: [], ids: [], weights: [] };
  trees.forEach((tree, number) => {
    let last = -1;
    const add = (node) => {
      const id = ++last;
      const at = nodes.nodeids.length;
      const isLeaf = node.value !== undefined;
      nodes.treeids.push(number);
      nodes.nodeids.push(id);
      nodes.featureids.push(isLeaf ? 0 : node.feature);
      nodes.values.push(isLeaf ? 0 : node.threshold);
      nodes.modes.push(bytes(isLeaf ? 'LEAF' : 'BRANCH_LEQ'));
      nodes.truenodeids.push(0);
      nodes.falsenodeids.push(0);
      if (isLeaf) {
        leaves.treeids.push(number);
        leaves.nodeids.push(id);
        leaves.ids.push(0);
        leaves.weights.push(node.value);
      } else {
        nodes.truenodeids[at] = add(node.low);
        nodes.falsenodeids[at] = add(node.high);
      }
      return id;
    };
    add(tree);
  });
  const { values, modes, ...integers } = nodes;
  return {
    nodes_values: { floats: values },
    nodes_modes: { texts: modes },
    ...Object.fromEntries(
      Object.entries(integers).map(([key, list]) => [`nodes_${key}`, { integers: list }]),
    ),
    class_treeids: { integers: leaves.treeids },
    class_nodeids: { integers: leaves.nodeids },
    class_ids: { integers: leaves.ids },
    class_weights: { floats: leaves.weights },
  };
}
