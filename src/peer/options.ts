import { messageOf, UdfError } from '../model/errors.js';
import { parseDuration } from '../model/duration.js';
import type { OptionSpecs, OptionValues } from '../udf/option.js';
import type { RuntimeOptions } from '../udf/runtime-options.js';
import type { InfoMessage } from '../wire/messages.js';
import { nearestName } from '../model/text.js';
import type { OptionArgument, OptionCall, OptionType } from '../model/option-call.js';
import { parseOptionChain, parseOptionValue } from './tickscript-options.js';

/** The input for an option that handlers read as `Value`; a duration is nanoseconds or text such as `30s`. */
export type OptionInput<Value> = Value extends bigint
  ? bigint | string
  : Value extends number
    ? number | bigint
    : Value extends readonly unknown[]
      ? number extends Value['length']
        ? OptionInput<Value[number]> | readonly OptionInput<Value[number]>[]
        : { readonly [Index in keyof Value]: OptionInput<Value[Index]> }
      : Value;

type OptionRecord<Values> = {
  readonly [Name in keyof Values]?: OptionInput<Exclude<Values[Name], undefined>>;
};

/**
 * A UDF's options by name, with those that the runtime offers on every UDF. A list is several calls of the option, or its
 * arguments if it takes several; `true` calls a flag.
 */
export type OptionInputs<Specs extends OptionSpecs> = OptionRecord<OptionValues<Specs>> &
  OptionRecord<RuntimeOptions>;

/** Options by name, for a UDF of unknown definition. */
export type LooseOptions = Readonly<Record<string, unknown>>;

/**
 * The option calls of an init request. A string is parsed as TICKscript, `.field('value').size(3)`; a record is converted
 * by the declared `types`, and an option that is not declared by the type of its value.
 *
 * Throws `invalid_argument` for text that is not TICKscript, and, in one message, for all values that do not fit their option's
 * type.
 */
export function optionCalls(
  options: string | readonly OptionCall[] | LooseOptions,
  types: InfoMessage['options'] = {},
): readonly OptionCall[] {
  if (typeof options === 'string') return parseOptionChain(options);
  if (Array.isArray(options)) return options as readonly OptionCall[]; // isArray does not narrow a readonly array
  const problems: string[] = [];
  const calls = Object.entries(options as LooseOptions).flatMap(([name, value]) => {
    try {
      return callsOf(name, value, Object.hasOwn(types, name) ? types[name] : undefined);
    } catch (reason) {
      problems.push(messageOf(reason));
      return [];
    }
  });
  if (problems.length === 0) return calls;
  // Those that are not declared would be refused by the UDF, which gets none of them now.
  const unknown = calls.filter(({ name }) => !Object.hasOwn(types, name)).map(({ name }) => name);
  const all = [...problems, ...unknown.map((name) => `there is no option ${name}`)];
  throw new UdfError('invalid_argument', all.join('; '));
}

/**
 * Parses `option=value` texts by the types that the UDF declares. An option without arguments is its name alone, one with
 * several has commas between its values.
 *
 * Throws `usage` for an unknown option and for a value of the wrong type.
 */
export function parseSettings(
  settings: readonly string[],
  types: InfoMessage['options'],
): readonly OptionCall[] {
  return settings.map((set) => {
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
): readonly OptionArgument[] {
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
    const argument = parseArgument(value, types[index]!);
    if (argument) return argument;
    const type = types[index]!;
    throw new UdfError('usage', `--set ${set}: "${value}" is no ${type}, such as ${examples[type]}`);
  });
}

function parseArgument(text: string, type: OptionType): OptionArgument | undefined {
  // A string needs no quotes: the shell has removed its own.
  if (type === 'string' && !/^'[^]*'$/.test(text)) return { type, value: text };
  try {
    const literal = parseOptionValue(type === 'bool' ? text.toUpperCase() : text);
    const fits = literal.type === type || (type === 'double' && literal.type === 'int');
    return fits ? convert('', literal.value, type) : undefined;
  } catch {
    return undefined;
  }
}

const examples: Readonly<Record<OptionType, string>> = {
  bool: 'TRUE',
  int: '10',
  double: '1.5',
  string: 'text',
  duration: '30s',
};

function callsOf(name: string, value: unknown, types: readonly OptionType[] | undefined): OptionCall[] {
  if (value === undefined) return [];
  if (types?.length === 0) return value === true ? [{ name, args: [] }] : [];
  if (!Array.isArray(value)) return [{ name, args: [argument(name, value, types?.[0])] }];
  const values = value as readonly unknown[];
  const several = types !== undefined && types.length > 1;
  if (several && !values.every((inner) => Array.isArray(inner))) {
    return [{ name, args: values.map((inner, index) => argument(name, inner, types[index])) }];
  }
  return values.flatMap((inner) => callsOf(name, inner, types));
}

function argument(name: string, value: unknown, type: OptionType = typeOf(name, value)): OptionArgument {
  const converted = convert(name, value, type);
  if (converted) return converted;
  throw new UdfError(
    'invalid_argument',
    `option ${name} takes ${type === 'int' ? 'an' : 'a'} ${type}, which ${show(value)} is not`,
  );
}

/** A value as an argument of a type; `undefined` if it is of another kind. Throws if it does not fit an int64. */
function convert(name: string, value: unknown, type: OptionType): OptionArgument | undefined {
  if (type === 'bool' && typeof value === 'boolean') return { type, value };
  if (type === 'string' && typeof value === 'string') return { type, value };
  if (type === 'double' && (typeof value === 'number' || typeof value === 'bigint')) {
    return { type, value: Number(value) };
  }
  if (type === 'int' && (typeof value === 'bigint' || Number.isInteger(value))) {
    return { type, value: int64(name, BigInt(value as bigint | number)) };
  }
  if (type === 'duration' && (typeof value === 'bigint' || typeof value === 'string')) {
    return { type, value: int64(name, typeof value === 'bigint' ? value : duration(name, value)) };
  }
  return undefined;
}

function typeOf(name: string, value: unknown): OptionType {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    case 'bigint':
      return 'int';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'double';
    default:
      throw new UdfError('invalid_argument', `option ${name} cannot be ${show(value)}`);
  }
}

function duration(name: string, text: string): bigint {
  try {
    return parseDuration(text);
  } catch (reason) {
    throw new UdfError('invalid_argument', `option ${name}: ${messageOf(reason)}`);
  }
}

function int64(name: string, value: bigint): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw new UdfError('invalid_argument', `option ${name} does not fit an int64: ${value}`);
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
