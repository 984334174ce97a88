import { high, low } from './level.js';
import { type Options, silentName, totalName } from './options.js';

/** Returns problems of the combination of options, in TICKscript terms. */
export function problemsOf(given: Options): string[] {
  return [...problemsOfWatched(given), ...problemsOfLevels(given), ...problemsOfTimes(given)];
}

function problemsOfWatched(given: Options): string[] {
  const { field, tag } = given;
  const watched = field.length + tag.length;
  if (watched === 0) return ['one of .field() or .tag() is required'];
  const problems: string[] = [];
  for (const name of repeated(field)) problems.push(`.field('${name}') is given more than once`);
  for (const name of repeated(tag)) problems.push(`.tag('${name}') is given more than once`);
  for (const name of ['as', 'previousAs'] as const) {
    const { length } = given[name];
    if (length === 0 || length === watched) continue;
    const each = tag.length === 0 ? '.field()' : field.length === 0 ? '.tag()' : '.field() and .tag()';
    problems.push(`.${name}() must be given once per ${each} (${watched}), got ${length}`);
  }
  const written = outputs(given);
  for (const name of repeated(written)) problems.push(`two options write the field '${name}'`);
  for (const name of new Set(written.filter((output) => field.includes(output)))) {
    problems.push(`an option would overwrite the watched field '${name}'; give it another name`);
  }
  return problems;
}

function problemsOfLevels({ field, tag, above, hysteresis, deadband, from, to }: Options): string[] {
  const problems: string[] = [];
  if (above !== undefined && deadband !== undefined)
    problems.push('.above() and .deadband() exclude each other');
  if (above === undefined && hysteresis !== undefined) problems.push('.hysteresis() needs .above()');
  if (field.length === 0 && tag.length > 0) {
    if (above !== undefined) problems.push('.above() needs .field()');
    if (deadband !== undefined) problems.push('.deadband() needs .field()');
  }
  if (above !== undefined && tag.length === 0) {
    problems.push(...notLevels('from', from), ...notLevels('to', to));
  }
  return problems;
}

function problemsOfTimes(given: Options): string[] {
  const { clock, hold, every, silentAfter, totalsEvery, late, newAs, emitFirst } = given;
  const problems: string[] = [];
  if (clock === 'wall' && [hold, every, silentAfter, totalsEvery].every((time) => time === undefined)) {
    problems.push(".clock('wall') needs one of .hold(), .every(), .silentAfter() or .totalsEvery()");
  }
  if (given.silentAs !== undefined && silentAfter === undefined)
    problems.push('.silentAs() needs .silentAfter()');
  for (const name of ['totalAs', 'stateTag'] as const) {
    if (given[name] !== undefined && totalsEvery === undefined)
      problems.push(`.${name}() needs .totalsEvery()`);
  }
  if (totalsEvery !== undefined && clock === 'event' && late === 'process') {
    problems.push(".totalsEvery() needs points in order: .late('process') only goes with .clock('wall')");
  }
  if (newAs !== undefined && !emitFirst) problems.push('.newAs() and .emitFirst(FALSE) exclude each other');
  return problems;
}

/** The fields that are written. */
function outputs(given: Options): string[] {
  const { as, previousAs, durationAs, countAs, newAs, silentAfter, totalsEvery } = given;
  const silentAs = silentAfter === undefined ? undefined : silentName(given);
  const totalAs = totalsEvery === undefined ? undefined : totalName(given);
  const names = [...as, ...previousAs, durationAs, countAs, newAs, silentAs, totalAs];
  return names.filter((name) => name !== undefined);
}

function repeated(names: readonly string[]): Set<string> {
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}

function notLevels(name: string, texts: readonly string[]): string[] {
  return texts
    .filter((text) => text !== high && text !== low)
    .map((text) => `.${name}() must be '${high}' or '${low}' with .above(), got '${text}'`);
}
