import leven from 'leven';
import { columnKinds, type InputColumns, type InputType } from './columns.js';
import type { ModelDescription, ModelValue } from './model-file.js';
import type { Options } from './options.js';

/** How the features of a use become inputs of a model, and its outputs fields. */
export interface Plan {
  readonly inputs: readonly InputColumns[];
  /** Points that are scored in one run of the model. */
  readonly maxRows: number;
  /** The output that is the prediction itself; `undefined` if it is the class of the highest probability. */
  readonly prediction: string | undefined;
  /** The output with the probabilities of all classes. */
  readonly probabilities: string | undefined;
  /** In the order of the probabilities, if known. */
  readonly classes: readonly string[] | undefined;
}

/** A run of more points is not faster. */
const maxRowsOfRun = 512;

const labelTypes: readonly (string | undefined)[] = ['int64', 'int32', 'string', 'bool'];
const numberTypes: readonly (string | undefined)[] = ['float', 'double'];

/** Fits the features and outputs that the options name to a model. Returns every problem, in TICKscript terms, if there are any. */
export function planOf(model: ModelDescription, options: Options): Plan | readonly string[] {
  const problems: string[] = [];
  const inputs = inputsOf(model, options.feature, problems);
  const sizes = [...model.inputs.map(({ shape }) => shape?.[0])];
  const fixed = sizes.find((size) => size !== undefined);
  if (fixed !== undefined && fixed !== 1) {
    problems.push(`the model takes ${fixed} points at once; export it with an open batch dimension`);
  }
  if (options.onMissing === 'nan') {
    for (const { name, type } of inputs) {
      if (type === 'float' || type === 'double') continue;
      problems.push(
        `.onMissing('nan') needs inputs of numbers, but the model's input '${name}' has the type ${type}`,
      );
    }
  }
  const outputs = outputsOf(model, options, problems);
  if (problems.length > 0) return problems;
  return { inputs, maxRows: fixed === 1 ? 1 : maxRowsOfRun, ...outputs };
}

/** Either one input takes all features, in their order, or each feature has an input of its name. */
function inputsOf(
  { inputs }: ModelDescription,
  features: readonly string[],
  problems: string[],
): InputColumns[] {
  const usable = inputs.filter((input) => {
    const problem = problemOfInput(input);
    if (problem !== undefined) problems.push(`the model's input '${input.name}' ${problem}`);
    return problem === undefined;
  });
  if (usable.length < inputs.length) return [];
  const columns = (input: ModelValue, ofInput: readonly string[]): InputColumns => ({
    name: input.name,
    type: input.type as InputType, // it has no problem
    isTable: input.shape?.length !== 1,
    features: ofInput,
  });
  if (inputs.length === 1) {
    const [input] = inputs as [ModelValue];
    const width = input.shape?.length === 1 ? 1 : input.shape?.[1];
    if (width !== undefined && width !== features.length) {
      problems.push(
        `the model takes ${count(width, 'feature')}, but .feature() is called ${count(features.length, 'time')}`,
      );
    }
    return [columns(input, features)];
  }
  const wide = inputs.find(({ shape }) => shape?.length === 2 && shape[1] !== 1);
  if (wide) {
    problems.push(
      `the model has several inputs, of which '${wide.name}' takes more than one feature; predict needs one input for all, or one for each`,
    );
    return [];
  }
  const names = inputs.map(({ name }) => name);
  for (const name of features) {
    if (!names.includes(name))
      problems.push(`.feature('${name}'): the model has no such input (${hint(name, names)})`);
  }
  for (const name of names) {
    if (!features.includes(name)) problems.push(`the model's input '${name}' needs .feature('${name}')`);
  }
  return inputs.map((input) => columns(input, [input.name]));
}

function problemOfInput({ type, shape }: ModelValue): string | undefined {
  if (type === undefined) return 'is no tensor, which predict cannot give it';
  if (!Object.hasOwn(columnKinds, type)) {
    return `has the type ${type}; predict gives ${Object.keys(columnKinds).join(', ')}`;
  }
  if (shape && shape.length !== 1 && shape.length !== 2) {
    return `has ${count(shape.length, 'dimension')}; predict gives points as rows, and features as columns`;
  }
  return undefined;
}

function outputsOf(
  { outputs, classes: named }: ModelDescription,
  options: Options,
  problems: string[],
): Pick<Plan, 'prediction' | 'probabilities' | 'classes'> {
  const label = outputs.find(({ type }) => labelTypes.includes(type));
  const numbers = outputs.filter(({ type }) => numberTypes.includes(type));
  const declared = options.class.length > 0 ? options.class : undefined;
  const isClassifier = label !== undefined || declared !== undefined;
  if (isClassifier) {
    const [scores] = numbers;
    const columns = scores?.shape?.[1];
    const classes = declared ?? named;
    if (declared && columns !== undefined && columns !== declared.length) {
      problems.push(
        `the model has ${count(columns, 'probability', 'probabilities')}, but .class() is called ${count(declared.length, 'time')}`,
      );
    }
    problems.push(...problemsOfProbabilities(outputs, options, classes, scores));
    const fits = columns === undefined || classes?.length === columns;
    const isAsked = !label || options.probabilityAs !== undefined || options.probability.length > 0;
    return {
      prediction: label?.name,
      probabilities: isAsked ? scores?.name : undefined,
      classes: fits ? classes : undefined,
    };
  }
  if (options.probabilityAs !== undefined || options.probability.length > 0) {
    problems.push(
      `${options.probability.length > 0 ? '.probability()' : '.probabilityAs()'} needs a classifier, and the model gives a number; ` +
        'if that is the probabilities of classes, name these by .class()',
    );
  }
  const [output, ...others] = numbers;
  if (!output || others.length > 0) {
    const found = outputs.map(({ name, type }) => `'${name}' (${type ?? 'no tensor'})`).join(', ');
    problems.push(
      `predict needs a model with one output of a number, or with a class; this one has ${found}`,
    );
  } else if (output.shape && (output.shape.length > 2 || (output.shape[1] ?? 1) !== 1)) {
    problems.push(
      `the model's output '${output.name}' has ${output.shape[1] ?? 'many'} numbers for a point; if they are the probabilities of classes, name these by .class()`,
    );
  }
  return { prediction: output?.name, probabilities: undefined, classes: undefined };
}

function problemsOfProbabilities(
  outputs: readonly ModelValue[],
  { probability, probabilityAs, class: declared }: Options,
  classes: readonly string[] | undefined,
  scores: ModelValue | undefined,
): string[] {
  const asked = [
    ...(probabilityAs === undefined ? [] : ['.probabilityAs()']),
    ...(probability.length > 0 ? ['.probability()'] : []),
    ...(declared.length > 0 ? ['.class()'] : []),
  ];
  if (asked.length === 0) return [];
  if (!scores) {
    return outputs.some(({ type }) => type === undefined)
      ? [
          `${asked[0]!}: the model gives probabilities as maps, which JavaScript cannot read; export it without them (skl2onnx: options={'zipmap': False})`,
        ]
      : [`${asked[0]!}: the model gives no probabilities`];
  }
  if (probability.length > 0 && !classes) {
    return ['.probability(): the model does not name its classes; name them by .class(), in their order'];
  }
  return probability.flatMap(([name]) =>
    classes!.includes(name)
      ? []
      : [`.probability('${name}'): the model has no such class (${hint(name, classes!)})`],
  );
}

/** Names what was probably meant, else what there is. */
function hint(name: string, names: readonly string[]): string {
  const near = names.find(
    (known) => leven(known.toLowerCase(), name.toLowerCase()) <= Math.ceil(name.length / 3),
  );
  return near === undefined
    ? `it has ${names.map((known) => `'${known}'`).join(', ')}`
    : `did you mean '${near}'?`;
}

function count(number: number, noun: string, nouns = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : nouns}`;
}
