import { messageOf, UdfError } from '../model/errors.js';
import { durationLiteral, parseDuration } from '../model/duration.js';
import type { OptionType } from '../model/option-call.js';
import { nearestName } from '../model/text.js';

/** The types that handlers read; a duration is in nanoseconds. */
export interface OptionTypes {
  bool: boolean;
  int: number;
  double: number;
  string: string;
  duration: bigint;
}

/** The result of `typeof` for an argument's value. */
export const valueTypes: Readonly<Record<OptionType, string>> = {
  bool: 'boolean',
  int: 'number',
  double: 'number',
  string: 'string',
  duration: 'bigint',
};

/** An argument of an option: its type and constraints. */
export interface Argument {
  readonly type: OptionType;
  readonly min?: number | bigint;
  readonly max?: number | bigint;
  readonly oneOf?: readonly string[];
  /** The text is the name of a field or tag, and must not be empty. */
  readonly names?: 'field' | 'tag';
}

/** An option as `defineUdf` takes it, made by `option.string()` and the others. `Value` is what a handler reads. */
export interface OptionSpec<Value = unknown> {
  readonly args: readonly Argument[];
  /** A tuple is read as an array even when it has one argument; a flag has none. */
  readonly shape: 'single' | 'tuple' | 'flag';
  readonly required: boolean;
  readonly repeatable: boolean;
  readonly default: Value | undefined;
  readonly doc: string;
  /** A contradiction in the option, if any; `defineUdf` reports it with the option's name. */
  readonly problem: string | undefined;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values that handlers read as `options`. */
export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends OptionSpec<infer Value> ? Value : never;
};

interface Common {
  /** One line, shown by `kapacitor-udf list`, the README and error messages. */
  readonly doc: string;
  /** A TICKscript must give it. */
  readonly required?: boolean;
  /** A TICKscript may call it more than once; the value is a list, in order, empty if it was not called. */
  readonly repeatable?: boolean;
}

interface Range<Bound> {
  /** The minimum, inclusive. */
  readonly min?: Bound;
  /** The maximum, inclusive. */
  readonly max?: Bound;
}

/** What a handler reads: a list if repeatable, never undefined if required or defaulted. */
type Read<Value, Given> = Given extends { readonly repeatable: true }
  ? readonly Value[]
  : Given extends { readonly required: true } | { readonly default: unknown }
    ? Value
    : Value | undefined;

/** Makes unknown keys fail to compile, as they would be ignored silently. */
type Only<Allowed, Given> = Given & Readonly<Record<Exclude<keyof Given, keyof Allowed>, never>>;

type NameGiven = Common & { readonly default?: string };
type StringGiven = Common & { readonly default?: string; readonly oneOf?: readonly string[] };
type Chosen<Given> = Given extends { readonly oneOf: readonly (infer Choice)[] } ? Choice : string;
type NumberGiven = Common & Range<number> & { readonly default?: number };
type BoolGiven = Common & { readonly default?: boolean };
type DurationGiven = Common & Range<string> & { readonly default?: string };

type Tupled<Args extends readonly OptionSpec[]> = {
  readonly [Index in keyof Args]: Args[Index] extends OptionSpec<infer Value> ? NonNullable<Value> : never;
};

/**
 * The kinds of option. An option that contradicts itself, such as by a default outside its range, is refused by `defineUdf`,
 * which knows its name, with `invalid_argument`.
 */
export const option = {
  /** Text: `.field('value')`. `oneOf` lists the only texts allowed. */
  string<const Given extends StringGiven>(
    given: Only<StringGiven, Given>,
  ): OptionSpec<Read<Chosen<Given>, Given>> {
    checkGiven('string', given, ['default', 'oneOf']);
    return single({ type: 'string', ...(given.oneOf && { oneOf: given.oneOf }) }, given, given.default);
  },

  /** The name of a field: `.as('avg')`. Text that is never empty. */
  field<const Given extends NameGiven>(given: Only<NameGiven, Given>): OptionSpec<Read<string, Given>> {
    checkGiven('field', given, ['default']);
    return single({ type: 'string', names: 'field' }, given, given.default);
  },

  /** The name of a tag: `.by('host')`. Text that is never empty. */
  tag<const Given extends NameGiven>(given: Only<NameGiven, Given>): OptionSpec<Read<string, Given>> {
    checkGiven('tag', given, ['default']);
    return single({ type: 'string', names: 'tag' }, given, given.default);
  },

  /** A whole number, `.size(10)`, as a `number`; beyond ±(2^53 − 1) it is refused rather than rounded. */
  int<const Given extends NumberGiven>(given: Only<NumberGiven, Given>): OptionSpec<Read<number, Given>> {
    checkGiven('int', given, ['default', 'min', 'max']);
    return single({ type: 'int', ...rangeOf(given) }, given, given.default);
  },

  /** A number with a decimal point: `.scale(1.5)`. TICKscript does not take `2` for `2.0`. */
  double<const Given extends NumberGiven>(given: Only<NumberGiven, Given>): OptionSpec<Read<number, Given>> {
    checkGiven('double', given, ['default', 'min', 'max']);
    return single({ type: 'double', ...rangeOf(given) }, given, given.default);
  },

  /** `.keep(TRUE)`. */
  bool<const Given extends BoolGiven>(given: Only<BoolGiven, Given>): OptionSpec<Read<boolean, Given>> {
    checkGiven('bool', given, ['default']);
    return single({ type: 'bool' }, given, given.default);
  },

  /** `.period(30s)`, read as a `bigint` of nanoseconds; bounds and default are written as in a TICKscript. */
  duration<const Given extends DurationGiven>(
    given: Only<DurationGiven, Given>,
  ): OptionSpec<Read<bigint, Given>> {
    checkGiven('duration', given, ['default', 'min', 'max']);
    const problems: string[] = [];
    const nanoseconds = (key: 'min' | 'max' | 'default'): bigint | undefined => {
      const text = given[key];
      if (text === undefined) return undefined;
      // JavaScript may give a default of another type, which `defineUdf` refuses.
      if (key === 'default' && typeof text !== 'string') return text;
      try {
        return parseDuration(text);
      } catch (error) {
        problems.push(`its ${key}: ${messageOf(error)}`);
        return undefined;
      }
    };
    const range = rangeOf({ min: nanoseconds('min'), max: nanoseconds('max') });
    return single({ type: 'duration', ...range }, given, nanoseconds('default'), problems[0]);
  },

  /** No argument, `.verbose()`: true if the TICKscript calls it. */
  flag(given: { readonly doc: string }): OptionSpec<boolean> {
    checkGiven('flag', given, []);
    return {
      args: [],
      shape: 'flag',
      required: false,
      repeatable: false,
      default: false,
      doc: given.doc,
      problem: undefined,
    };
  },

  /** Several arguments, `.range(0.0, 10.0)`, read as an array: `option.tuple([option.double(…), …], { doc })`. */
  tuple<const Args extends readonly OptionSpec[], const Given extends Common>(
    args: Args,
    given: Only<Common, Given>,
  ): OptionSpec<Read<Tupled<Args>, Given>> {
    if (!Array.isArray(args)) {
      throw new UdfError(
        'invalid_argument',
        'option.tuple([option.int({ doc }), …], { doc }) takes an array',
      );
    }
    checkGiven('tuple', given, []);
    const isPlain = args.every(({ shape, repeatable }) => shape === 'single' && !repeatable);
    const problem = isPlain
      ? args.find((arg) => arg.problem !== undefined)?.problem
      : 'a tuple is made of plain options: no tuple, flag or repeatable one';
    const parts = args.flatMap((arg) => arg.args);
    return specOf('tuple', parts, given, undefined, problem) as OptionSpec<Read<Tupled<Args>, Given>>;
  },
};

const commonKeys = ['doc', 'required', 'repeatable'];
const boundTypes = { int: 'number', double: 'number', duration: 'string' };

/** Throws `invalid_argument` for what TypeScript refuses and JavaScript does not: a mistyped key, a bound of another type. */
function checkGiven(kind: keyof typeof option, given: unknown, ownKeys: readonly string[]): void {
  const place = `option.${kind}`;
  if (typeof given !== 'object' || given === null) {
    const example = kind === 'tuple' ? '[…], { doc }' : "{ doc: 'What it is for.' }";
    throw new UdfError('invalid_argument', `${place}(${example}) takes an object, got ${shown(given)}`);
  }
  // A flag is called or not: it is neither required nor repeatable.
  const keys = kind === 'flag' ? ['doc'] : [...commonKeys, ...ownKeys];
  for (const key of Object.keys(given)) {
    if (keys.includes(key)) continue;
    const near = nearestName(key, keys);
    const hint = near === undefined ? `it has ${keys.join(', ')}` : `did you mean "${near}"?`;
    throw new UdfError('invalid_argument', `${place}: unknown key "${key}" (${hint})`);
  }
  const { min, max, oneOf } = given as {
    readonly min?: unknown;
    readonly max?: unknown;
    readonly oneOf?: unknown;
  };
  for (const [key, bound] of Object.entries({ min, max })) {
    const type = boundTypes[kind as keyof typeof boundTypes];
    if (bound === undefined || (typeof bound === type && !Number.isNaN(bound))) continue;
    const wanted = kind === 'duration' ? "a duration as text ('10s')" : `a ${type}`;
    throw new UdfError('invalid_argument', `${place}: "${key}" must be ${wanted}, got ${shown(bound)}`);
  }
  const isTexts = Array.isArray(oneOf) && oneOf.every((choice) => typeof choice === 'string');
  if (oneOf !== undefined && !isTexts) {
    throw new UdfError(
      'invalid_argument',
      `${place}: "oneOf" must be an array of strings, got ${shown(oneOf)}`,
    );
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

function rangeOf<Bound>({ min, max }: { readonly min?: Bound; readonly max?: Bound }) {
  return { ...(min !== undefined && { min }), ...(max !== undefined && { max }) };
}

function specOf(
  shape: 'single' | 'tuple',
  args: readonly Argument[],
  given: Common,
  preset: unknown,
  problem: string | undefined,
): OptionSpec {
  const { required = false, repeatable = false, doc } = given;
  return {
    args,
    shape,
    required,
    repeatable,
    default: repeatable ? [] : preset,
    doc,
    problem: problem ?? presenceProblem(given, preset),
  };
}

function presenceProblem({ required, repeatable }: Common, preset: unknown): string | undefined {
  if (preset === undefined) return undefined;
  if (repeatable) return 'a repeatable option has no default: it is an empty list';
  return required ? 'a required option has no default' : undefined;
}

function single<Value>(
  argument: Argument,
  given: Common,
  preset: unknown,
  problem?: string,
): OptionSpec<Value> {
  const found = problem ?? rangeProblem(argument) ?? presetProblem(argument, preset);
  return specOf('single', [argument], given, preset, found) as OptionSpec<Value>;
}

function rangeProblem({ min, max, oneOf }: Argument): string | undefined {
  if (min !== undefined && max !== undefined && min > max) return 'its min is above its max';
  return oneOf?.length === 0 ? 'its oneOf has nothing to choose from' : undefined;
}

function presetProblem(argument: Argument, preset: unknown): string | undefined {
  // `defineUdf` refuses a default of another type, which only JavaScript lets through.
  if (typeof preset !== valueTypes[argument.type]) return undefined;
  const show = argument.type === 'duration' ? (value: unknown) => durationLiteral(value as bigint) : String;
  const problem = argumentProblem(argument, preset as number, show); // of the argument's type, as was just checked
  return problem && `its default ${problem}`;
}

/** What is wrong with an argument's value, as `must be at least 1, got 0`; `undefined` if nothing is. */
export function argumentProblem(
  argument: Argument,
  value: OptionTypes[OptionType],
  show: (value: OptionTypes[OptionType]) => string = String,
): string | undefined {
  // Bounds have the type of the value they bound; number and bigint compare exactly across types.
  if (argument.type === 'int' && !Number.isSafeInteger(value)) {
    return `must be a whole number within ±(2^53 - 1), got ${show(value)}`;
  }
  if (argument.type === 'double' && Number.isNaN(value)) return 'must be a number, got NaN';
  if (argument.min !== undefined && (value as number) < argument.min) {
    return `must be at least ${show(argument.min)}, got ${show(value)}`;
  }
  if (argument.max !== undefined && (value as number) > argument.max) {
    return `must be at most ${show(argument.max)}, got ${show(value)}`;
  }
  if (argument.names && value === '') return `must be the name of a ${argument.names}, got an empty one`;
  if (argument.oneOf && !argument.oneOf.includes(value as string)) {
    return `must be ${argument.oneOf.map((choice) => `'${choice}'`).join(' or ')}, got ${show(value)}`;
  }
  return undefined;
}
