import { lateOptions, option, type OptionValues } from 'kapacitor-udf';
import { high, low } from './level.js';

export const options = {
  field: option.field({
    required: true,
    repeatable: true,
    doc: 'Field to watch. Called again, it watches another one too: a change in any of them counts.',
  }),
  as: option.field({
    repeatable: true,
    doc: 'Field that gets the new state, also when it is repeated. With several fields: one for each, in order.',
  }),
  previousAs: option.field({
    repeatable: true,
    doc: 'Field that gets the old state. With several fields: one for each, in order.',
  }),
  durationAs: option.field({ doc: 'Field that gets how long the old state lasted, as a double.' }),
  unit: option.duration({ default: '1s', min: '1ns', doc: 'What durationAs counts in.' }),
  countAs: option.field({ doc: 'Field that gets how many points the old state lasted, as an integer.' }),
  emitFirst: option.bool({ default: true, doc: "Emit a group's first point, which has no old state." }),
  from: option.string({
    repeatable: true,
    doc: 'Emit only changes from this state. Called again: or from that one.',
  }),
  to: option.string({
    repeatable: true,
    doc: 'Emit only changes to this state. Called again: or to that one.',
  }),
  deadband: option.double({
    min: 0,
    doc: 'A number changes only when it differs by more than this from the one last emitted.',
  }),
  above: option.double({
    doc: "The state is 'high' once the number is above this, else 'low'.",
  }),
  hysteresis: option.double({
    min: 0,
    doc: "With above: 'high' turns 'low' only at so much below the threshold.",
  }),
  hold: option.duration({
    min: '0s',
    doc: "A new state counts once it has lasted so long, in the points' own time; emitted with the time it began.",
  }),
  every: option.duration({
    min: '1ns',
    doc: 'Repeat an unchanged state with the first point that comes so long after it was last emitted.',
  }),
  onMissing: option.string({
    oneOf: ['skip', 'change', 'error'],
    default: 'skip',
    doc: 'When a point lacks the field: leave it out, take that for a state of its own, or fail.',
  }),
  late: option.string({
    oneOf: ['drop', 'process'],
    default: 'drop',
    doc: "When a point is older than its group's newest: drop it, or take it as it comes.",
  }),
  ...lateOptions,
};

export type Options = OptionValues<typeof options>;

/** Returns problems of the combination of options. */
export function problemsOf(given: Options): string[] {
  const { field, above, hysteresis, deadband, from, to } = given;
  const problems: string[] = [];
  for (const name of repeated(field)) problems.push(`.field('${name}') is given more than once`);
  for (const name of ['as', 'previousAs'] as const) {
    const { length } = given[name];
    if (length === 0 || length === field.length) continue;
    problems.push(`.${name}() must be given once per .field() (${field.length}), got ${length}`);
  }
  const written = outputs(given);
  for (const name of repeated(written)) problems.push(`two options write the field '${name}'`);
  for (const name of new Set(written.filter((output) => field.includes(output)))) {
    problems.push(`an option would overwrite the watched field '${name}'; give it another name`);
  }
  if (above !== undefined && deadband !== undefined)
    problems.push('.above() and .deadband() exclude each other');
  if (above === undefined && hysteresis !== undefined) problems.push('.hysteresis() needs .above()');
  if (above !== undefined) {
    problems.push(...notLevels('from', from), ...notLevels('to', to));
  }
  return problems;
}

/** The fields that are written. */
function outputs({ as, previousAs, durationAs, countAs }: Options): string[] {
  return [...as, ...previousAs, durationAs, countAs].filter((name) => name !== undefined);
}

function repeated(names: readonly string[]): Set<string> {
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}

function notLevels(name: string, texts: readonly string[]): string[] {
  return texts
    .filter((text) => text !== high && text !== low)
    .map((text) => `.${name}() must be '${high}' or '${low}' with .above(), got '${text}'`);
}
