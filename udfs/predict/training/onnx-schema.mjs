/** The messages of ONNX files that are written here, by their numbers in onnx.proto; names are our own. */
import protobuf from 'protobufjs';

const field = (type, id, rule) => ({ type, id, ...(rule && { rule }) });
const repeated = (type, id) => field(type, id, 'repeated');

const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: field('int64', 1),
        producer: field('string', 2),
        graph: field('Graph', 7),
        opsets: repeated('Opset', 8),
      },
    },
    Opset: { fields: { domain: field('string', 1), version: field('int64', 2) } },
    Graph: {
      fields: {
        nodes: repeated('Node', 1),
        name: field('string', 2),
        constants: repeated('Constant', 5),
        inputs: repeated('Value', 11),
        outputs: repeated('Value', 12),
      },
    },
    Node: {
      fields: {
        inputs: repeated('string', 1),
        outputs: repeated('string', 2),
        operator: field('string', 4),
        attributes: repeated('Attribute', 5),
        domain: field('string', 7),
      },
    },
    Attribute: {
      fields: {
        name: field('string', 1),
        integer: field('int64', 3),
        text: field('bytes', 4),
        floats: { ...repeated('float', 7), options: { packed: true } },
        integers: { ...repeated('int64', 8), options: { packed: true } },
        texts: repeated('bytes', 9),
        kind: field('int32', 20),
      },
    },
    Value: { fields: { name: field('string', 1), type: field('Type', 2) } },
    Constant: {
      fields: {
        shape: { ...repeated('int64', 1), options: { packed: true } },
        element: field('int32', 2),
        floats: { ...repeated('float', 4), options: { packed: true } },
        name: field('string', 8),
      },
    },
    Type: { fields: { tensor: field('Tensor', 1), sequence: field('Sequence', 4) } },
    Sequence: { fields: { of: field('Type', 1) } },
    Tensor: { fields: { element: field('int32', 1), shape: field('Shape', 2) } },
    Shape: { fields: { dimensions: repeated('Dimension', 1) } },
    Dimension: { fields: { size: field('int64', 1), name: field('string', 2) } },
  },
});

/** The numbers of attribute types. */
const kinds = { integer: 2, text: 3, floats: 6, integers: 7, texts: 8 };

/** `{ name: { floats: […] } }` and the like. */
export function attributes(given) {
  return Object.entries(given).map(([name, of]) => ({ name, ...of, kind: kinds[Object.keys(of)[0]] }));
}

/** The bytes of a file with this model. Throws for what the schema does not have. */
export function encodeModel(model) {
  const Model = root.lookupType('Model');
  return Model.encode(Model.fromObject(model)).finish();
}
