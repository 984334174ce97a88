import { option, type OptionValues } from 'kapacitor-udf';
import { zoneProblem } from '../shared/zone-names.js';

export const options = {
  model: option.string({
    required: true,
    doc: "The ONNX file, or the name of a bundled model, which has no '.onnx' at its end: 'voltage'.",
  }),
  feature: option.string({
    required: true,
    repeatable: true,
    doc: 'What the model takes, in its order or by the names of its inputs: a part of the local time, a field or a tag.',
  }),
  zone: option.string({
    default: 'UTC',
    doc: "IANA time zone of features such as hourSin, as 'Europe/Berlin'.",
  }),
  as: option.field({
    default: 'prediction',
    doc: 'Field that gets the prediction: a class, or a number.',
  }),
  probabilityAs: option.field({ doc: 'Field that gets the probability of the predicted class.' }),
  probability: option.tuple(
    [
      option.string({ doc: 'Class of the model.' }),
      option.field({ doc: 'Field that gets its probability.' }),
    ],
    { repeatable: true, doc: 'A class of the model, then the field that gets its probability.' },
  ),
  class: option.string({
    repeatable: true,
    doc: 'Name of a class, in the order of the probabilities: for a model that does not name them.',
  }),
  onMissing: option.string({
    oneOf: ['skip', 'pass', 'nan', 'error'],
    default: 'skip',
    doc: 'When a point lacks a feature: drop it, pass it on without a prediction, give the model NaN, or fail.',
  }),
};

export type Options = OptionValues<typeof options>;

/** Returns problems that do not depend on the model. */
export function problemsOf(given: Options): string[] {
  const { model, feature, zone, as, probabilityAs, probability, class: classes } = given;
  const problems: string[] = [];
  if (model === '') problems.push('.model() must be the name of a file, got an empty one');
  if (feature.includes('')) problems.push('.feature() must be the name of a feature, got an empty one');
  for (const name of repeated(feature)) problems.push(`.feature('${name}') is given more than once`);
  for (const name of repeated(classes)) problems.push(`.class('${name}') is given more than once`);
  const unknownZone = zoneProblem(zone);
  if (unknownZone !== undefined) problems.push(`.zone(): ${unknownZone}`);
  const written = [
    as,
    ...(probabilityAs === undefined ? [] : [probabilityAs]),
    ...probability.map(([, to]) => to),
  ];
  for (const name of repeated(written)) problems.push(`two options write the field '${name}'`);
  return problems;
}

function repeated(names: readonly string[]): Set<string> {
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}
