import { UdfError } from '../model/errors.js';
import { parseDuration } from '../model/duration.js';
import type { OptionSpecs, OptionType, OptionValues } from '../udf/option.js';
import type { RuntimeOptions } from '../udf/runtime-options.js';
import type { ArgumentMessage, InfoMessage, OptionMessage } from '../wire/messages.js';
import { parseOptionChain } from './option-chain.js';

/** What may be given for an option that a handler reads as `Value`: a duration as nanoseconds or as `30s`. */
export type OptionInput<Value> = Value extends bigint
  ? bigint | string
  : Value extends number
    ? number | bigint
    : Value extends readonly unknown[]
      ? number extends Value['length']
        ? OptionInput<Value[number]> | readonly OptionInput<Value[number]>[]
        : { readonly [Index in keyof Value]: OptionInput<Value[Index]> }
      : Value;

type Inputs<Values> = { readonly [Name in keyof Values]?: OptionInput<Exclude<Values[Name], undefined>> };

/**
 * A UDF's options by name, and those that the runtime offers on every UDF. A list is several calls of the option, or
 * its arguments if it takes several; a flag is called if it is true.
 */
export type OptionInputs<Specs extends OptionSpecs> = Inputs<OptionValues<Specs>> & Inputs<RuntimeOptions>;

/** Options by name where no definition says what there is. */
export type LooseOptions = Readonly<Record<string, unknown>>;

/**
 * The calls that init carries. A text is read as a TICKscript writes them, `.field('value').size(3)`, and a record by
 * the types in `types`; an option that is not there goes by what its value is.
 *
 * Throws `invalid_argument` for what is no TICKscript, and for a value that an option's type cannot hold.
 */
export function optionCalls(
  options: string | readonly OptionMessage[] | LooseOptions,
  types: InfoMessage['options'] = {},
): readonly OptionMessage[] {
  if (typeof options === 'string') return parseOptionChain(options);
  if (Array.isArray(options)) return options as readonly OptionMessage[]; // isArray does not narrow a readonly array
  return Object.entries(options as LooseOptions).flatMap(([name, value]) =>
    callsOf(name, value, Object.hasOwn(types, name) ? types[name] : undefined),
  );
}

function callsOf(name: string, value: unknown, types: readonly OptionType[] | undefined): OptionMessage[] {
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

function argument(name: string, value: unknown, type: OptionType = typeOf(name, value)): ArgumentMessage {
  if (type === 'bool' && typeof value === 'boolean') return { type, value };
  if (type === 'string' && typeof value === 'string') return { type, value };
  if (type === 'double' && (typeof value === 'number' || typeof value === 'bigint')) {
    return { type, value: Number(value) };
  }
  if (type === 'int' && (typeof value === 'bigint' || Number.isInteger(value))) {
    return { type, value: int64(name, BigInt(value as bigint | number)) };
  }
  if (type === 'duration' && (typeof value === 'bigint' || typeof value === 'string')) {
    return { type, value: int64(name, typeof value === 'bigint' ? value : parseDuration(value)) };
  }
  throw new UdfError('invalid_argument', `option ${name} takes a ${type}, which ${show(value)} is not`);
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

function int64(name: string, value: bigint): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw new UdfError('invalid_argument', `option ${name} does not fit an int64: ${value}`);
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
