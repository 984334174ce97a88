import { writeFileSync } from 'node:fs';
import { attributes, encodeModel } from '../../udfs/predict/training/onnx-schema.mjs';

/** The numbers of element types in ONNX' schema. */
const elements = { float: 1, int64: 7, string: 8, float16: 10 };

type Value = object;

/** A tensor; its first dimension, the number of points, is open unless `points` fixes it. */
function tensor(name: string, type: keyof typeof elements, columns?: number, points?: number): Value {
  const first = points === undefined ? { name: 'points' } : { size: points };
  const dimensions = [first, ...(columns === undefined ? [] : [{ size: columns }])];
  return { name, type: { tensor: { element: elements[type], shape: { dimensions } } } };
}

interface Node {
  readonly operator: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly object[];
}

interface Graph {
  readonly nodes: readonly Node[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly constants?: readonly object[];
}

function model(graph: Graph): Uint8Array {
  const opsets = [
    { domain: '', version: 13 },
    { domain: 'ai.onnx.ml', version: 2 },
  ];
  return encodeModel({ irVersion: 8, opsets, graph: { name: 'test', ...graph } });
}

const bytes = (texts: readonly string[]): Buffer[] => texts.map((text) => Buffer.from(text));

/** `intercept` plus the features times `coefficients`. */
export function regressor(
  coefficients: readonly number[],
  intercept = 0,
  { type = 'float', points }: { readonly type?: 'float' | 'int64'; readonly points?: number } = {},
): Uint8Array {
  const cast = {
    operator: 'Cast',
    inputs: ['X'],
    outputs: ['F'],
    attributes: attributes({ to: { integer: 1 } }),
  };
  const linear = {
    operator: 'LinearRegressor',
    domain: 'ai.onnx.ml',
    inputs: [type === 'float' ? 'X' : 'F'],
    outputs: ['y'],
    attributes: attributes({ coefficients: { floats: coefficients }, intercepts: { floats: [intercept] } }),
  };
  return model({
    nodes: type === 'float' ? [linear] : [cast, linear],
    inputs: [tensor('X', type, coefficients.length, points)],
    outputs: [tensor('y', 'float', 1, points)],
  });
}

/**
 * One feature: the log-odds of the class `high` over `low`. `output`: the label and probabilities, these as maps, or
 * probabilities alone.
 */
export function classifier(output: 'both' | 'maps' | 'probabilities' = 'both'): Uint8Array {
  const classes = ['low', 'high'];
  const linear = {
    operator: 'LinearClassifier',
    domain: 'ai.onnx.ml',
    inputs: ['X'],
    outputs: ['label', 'probabilities'],
    attributes: attributes({
      coefficients: { floats: [-0.5, 0.5] },
      intercepts: { floats: [0, 0] },
      post_transform: { text: Buffer.from('SOFTMAX') },
      classlabels_strings: { texts: bytes(classes) },
    }),
  };
  const zip = {
    operator: 'ZipMap',
    domain: 'ai.onnx.ml',
    inputs: ['probabilities'],
    outputs: ['maps'],
    attributes: attributes({ classlabels_strings: { texts: bytes(classes) } }),
  };
  const outputs = {
    both: [tensor('label', 'string'), tensor('probabilities', 'float', 2)],
    maps: [tensor('label', 'string'), { name: 'maps', type: { sequence: { of: {} } } }],
    probabilities: [tensor('probabilities', 'float', 2)],
  };
  return model({
    nodes: output === 'maps' ? [linear, zip] : [linear],
    inputs: [tensor('X', 'float', 1)],
    outputs: outputs[output],
  });
}

/** The difference of the inputs `a` and `b`. */
export function difference(): Uint8Array {
  return model({
    nodes: [{ operator: 'Sub', inputs: ['a', 'b'], outputs: ['y'] }],
    inputs: [tensor('a', 'float', 1), tensor('b', 'float', 1)],
    outputs: [tensor('y', 'float', 1)],
  });
}

/** A number for each text: 1 for `one`, 2 for `two`, else -0. */
export function dictionary(): Uint8Array {
  const encoder = {
    operator: 'LabelEncoder',
    domain: 'ai.onnx.ml',
    inputs: ['name'],
    outputs: ['y'],
    attributes: attributes({
      keys_strings: { texts: bytes(['one', 'two']) },
      values_floats: { floats: [1, 2] },
    }),
  };
  return model({
    nodes: [encoder],
    inputs: [tensor('name', 'string', 1)],
    outputs: [tensor('y', 'float', 1)],
  });
}

/** The number at an index from 0 to 2: 10, 20 or 30. Fails for other indexes. */
export function lookup(): Uint8Array {
  return model({
    nodes: [{ operator: 'Gather', inputs: ['table', 'index'], outputs: ['y'] }],
    inputs: [tensor('index', 'int64', 1)],
    outputs: [tensor('y', 'float', 1)],
    constants: [{ name: 'table', element: 1, shape: [3], floats: [10, 20, 30] }],
  });
}

/** One input of a type that predict does not give. */
export function halfPrecision(): Uint8Array {
  return model({
    nodes: [{ operator: 'Identity', inputs: ['X'], outputs: ['y'] }],
    inputs: [tensor('X', 'float16', 1)],
    outputs: [tensor('y', 'float16', 1)],
  });
}

/** Described well, but with an operator that does not exist. */
export function unloadable(): Uint8Array {
  return model({
    nodes: [{ operator: 'Divine', inputs: ['X'], outputs: ['y'] }],
    inputs: [tensor('X', 'float', 1)],
    outputs: [tensor('y', 'float', 1)],
  });
}

/** Writes a model over another one, as a training job would. */
export function writeModel(file: string, bytes: Uint8Array): string {
  writeFileSync(file, bytes);
  return file;
}
