import { durationLiteral } from '../model/duration.js';
import { UdfError } from '../model/errors.js';
import { parseOptionValue } from '../peer/option-chain.js';
import { nearestName } from '../model/text.js';
import type { OptionType } from '../udf/option.js';
import type { ArgumentMessage, InfoMessage, OptionMessage } from '../wire/messages.js';

const examples: Readonly<Record<OptionType, string>> = {
  bool: 'TRUE',
  int: '10',
  double: '1.5',
  string: 'text',
  duration: '30s',
};

/**
 * Parses `option=value` texts by the types that the UDF declares. An option without arguments is its name alone, one with
 * several has commas between its values.
 *
 * Throws `usage` for an unknown option and for a value of the wrong type.
 */
export function setOptions(sets: readonly string[], types: InfoMessage['options']): readonly OptionMessage[] {
  return sets.map((set) => {
    const at = set.indexOf('=');
    const name = at < 0 ? set : set.slice(0, at);
    if (!Object.hasOwn(types, name)) {
      const known = Object.keys(types);
      const near = nearestName(name, known);
      const hint = near === undefined ? `it has ${known.join(', ')}` : `did you mean ${near}?`;
      throw new UdfError('usage', `--set ${set}: the UDF has no option ${name} (${hint})`);
    }
    return { name, args: argumentsOf(set, at < 0 ? undefined : set.slice(at + 1), types[name]!) };
  });
}

function argumentsOf(
  set: string,
  text: string | undefined,
  types: readonly OptionType[],
): readonly ArgumentMessage[] {
  if (types.length === 0) {
    if (text === undefined || text === '' || text === 'TRUE') return [];
    throw new UdfError('usage', `--set ${set}: the option takes no value`);
  }
  const form = types.map((type) => examples[type]).join(',');
  if (text === undefined) throw new UdfError('usage', `--set ${set}: write it as ${set}=${form}`);
  const values = types.length === 1 ? [text] : text.split(',');
  if (values.length !== types.length) {
    throw new UdfError('usage', `--set ${set}: the option takes ${types.length} values, such as ${form}`);
  }
  return values.map((value, index) => {
    const argument = argumentOf(value, types[index]!);
    if (argument) return argument;
    const type = types[index]!;
    throw new UdfError('usage', `--set ${set}: "${value}" is no ${type}, such as ${examples[type]}`);
  });
}

function argumentOf(text: string, type: OptionType): ArgumentMessage | undefined {
  // A string needs no quotes: the shell has removed its own.
  if (type === 'string' && !/^'[^]*'$/.test(text)) return { type, value: text };
  let argument: ArgumentMessage;
  try {
    argument = parseOptionValue(type === 'bool' ? text.toUpperCase() : text);
  } catch {
    return undefined;
  }
  if (type === 'double' && argument.type === 'int') return { type, value: Number(argument.value) };
  return argument.type === type ? argument : undefined;
}

/** Calls of options as a TICKscript writes them: `.field('value').size(10)`. */
export function formatOptions(calls: readonly OptionMessage[]): string {
  return calls.map(({ name, args }) => `.${name}(${args.map(formatArgument).join(', ')})`).join('');
}

function formatArgument({ type, value }: ArgumentMessage): string {
  if (type === 'string') return `'${value.replaceAll("'", "\\'")}'`;
  if (type === 'bool') return value ? 'TRUE' : 'FALSE';
  if (type === 'duration') return durationLiteral(value);
  return type === 'double' && Number.isInteger(value) ? value.toFixed(1) : String(value);
}
