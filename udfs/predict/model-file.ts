import { integersOf, NotProtobufError, type ProtobufField, protobufFields } from './protobuf-fields.js';

/** An input or output of a model. */
export interface ModelValue {
  readonly name: string;
  /** Of the elements of a tensor, such as `float`; `undefined` for anything else, such as a sequence of maps. */
  readonly type: string | undefined;
  /** The size of each dimension, `undefined` where it is open; no list if the rank is open. */
  readonly shape: readonly (number | undefined)[] | undefined;
}

/** What an ONNX file says of its model, beside the computation itself. */
export interface ModelDescription {
  readonly inputs: readonly ModelValue[];
  readonly outputs: readonly ModelValue[];
  /** The names of the classes in the order of the probabilities, if an operator of the model names them. */
  readonly classes: readonly string[] | undefined;
}

/** The types of tensor elements by their number in ONNX' schema. */
const elementTypes: readonly (string | undefined)[] = [
  ...[undefined, 'float', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'string', 'bool', 'float16'],
  ...['double', 'uint32', 'uint64', 'complex64', 'complex128', 'bfloat16'],
];

/** Attributes in which operators of classifiers name their classes. */
const classAttributes = ['classlabels_int64s', 'classlabels_ints', 'classlabels_strings'];

/** Reads what an ONNX file says of its model. Returns a reason if the bytes are no ONNX model. */
export function describeModel(file: Uint8Array): ModelDescription | string {
  try {
    const graph = child(file, 7);
    if (!graph) return 'it has no graph';
    const constants = new Set(children(graph, 5).map((tensor) => textOf(child(tensor, 8))));
    // Older files list constants among the inputs.
    const inputs = children(graph, 11)
      .map(readValue)
      .filter(({ name }) => !constants.has(name));
    const outputs = children(graph, 12).map(readValue);
    if (inputs.length === 0 || outputs.length === 0) return 'it has no inputs or no outputs';
    return { inputs, outputs, classes: readClasses(graph) };
  } catch (error) {
    if (error instanceof NotProtobufError) return error.message;
    throw error;
  }
}

function readValue(value: Uint8Array): ModelValue {
  const tensor = child(child(value, 2) ?? none, 1);
  const name = textOf(child(value, 1));
  if (!tensor) return { name, type: undefined, shape: undefined };
  const shape = child(tensor, 2);
  const type = number(tensor, 1) ?? 0;
  return {
    name,
    type: elementTypes[type] ?? `number ${type}`,
    shape: shape && children(shape, 1).map((dimension) => number(dimension, 1)),
  };
}

function readClasses(graph: Uint8Array): string[] | undefined {
  for (const node of children(graph, 1)) {
    for (const attribute of children(node, 5)) {
      if (!classAttributes.includes(textOf(child(attribute, 1)))) continue;
      const classes = [...protobufFields(attribute)].flatMap(classesIn);
      if (classes.length > 0) return classes;
    }
  }
  return undefined;
}

function classesIn(field: ProtobufField): string[] {
  if (field.number === 8) return [...integersOf(field)].map(String);
  return field.number === 9 ? [textOf(field.bytes)] : [];
}

const none = new Uint8Array();

/** The messages in a repeated field. */
function children(message: Uint8Array, number: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const field of protobufFields(message)) {
    if (field.number === number && field.bytes) found.push(field.bytes);
  }
  return found;
}

function child(message: Uint8Array, number: number): Uint8Array | undefined {
  return children(message, number).at(-1);
}

function number(message: Uint8Array, wanted: number): number | undefined {
  let found: number | undefined;
  for (const { number, value } of protobufFields(message)) if (number === wanted) found = value;
  return found;
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString() : '';
}
