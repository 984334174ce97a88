import {
  formatArgument,
  type OptionArgument,
  type OptionCall,
  type OptionType,
} from '../model/option-call.js';
import { nearestName } from '../model/text.js';
import { argumentProblem, type OptionSpec, type OptionSpecs, type OptionTypes } from './option.js';

/** The options as handlers read them, and their problems in TICKscript terms. */
export interface ResolvedOptions {
  /** By name; `undefined` if invalid, or not given and without a default. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly problems: readonly string[];
}

/**
 * Checks the calls against the specs, fills in defaults, and runs `check` on the result. Reports all problems at
 * once. Throws only what `check` throws, if there is no other problem.
 */
export function resolveOptions(
  specs: OptionSpecs,
  calls: readonly OptionCall[],
  check: (options: unknown) => readonly string[] = () => [],
): ResolvedOptions {
  const problems: string[] = [];
  const unknown: string[] = [];
  const given = new Map<string, unknown[]>();
  for (const call of calls) {
    const spec = Object.hasOwn(specs, call.name) ? specs[call.name] : undefined;
    if (!spec) {
      unknown.push(`unknown option .${call.name}()${suggestion(call.name, Object.keys(specs))}`);
      continue;
    }
    const found = callProblems(spec, call);
    problems.push(...found);
    const earlier = given.get(call.name);
    if (earlier && !spec.repeatable) problems.push(`.${call.name}() is given more than once`);
    const values = earlier ?? [];
    given.set(call.name, values);
    if (found.length === 0) values.push(valueOf(spec, call.args));
  }

  const options: Record<string, unknown> = {};
  const lacking: string[] = [];
  for (const [name, spec] of Object.entries(specs)) {
    const values = given.get(name);
    if (!values && spec.required) problems.push(`.${name}() is required`);
    options[name] = values ? (spec.repeatable ? values : values[0]) : spec.default;
    if (spec.required && options[name] === undefined) lacking.push(`.${name}() `);
  }
  // `check` expects a value where one is required: what it finds wrong with the lack of one is reported already.
  const together = checkTogether(check, options, problems.length > 0).filter(
    (problem) => !lacking.some((start) => problem.startsWith(start)),
  );
  problems.push(...together, ...unknown);
  return { options, problems: [...new Set(problems)] };
}

/** Runs `check`, which expects valid options: if some are invalid, its exceptions are ignored. */
function checkTogether(
  check: (options: unknown) => readonly string[],
  options: unknown,
  isIncomplete: boolean,
): readonly string[] {
  try {
    return check(options);
  } catch (error) {
    if (isIncomplete) return [];
    throw error;
  }
}

function callProblems(spec: OptionSpec, call: OptionCall): string[] {
  if (call.args.length !== spec.args.length) {
    const count = spec.args.length === 1 ? '1 argument' : `${spec.args.length} arguments`;
    return [`.${call.name}() takes ${count}, got ${call.args.length}`];
  }
  return call.args.flatMap((arg, index) => {
    const expected = spec.args[index]!;
    if (arg.type !== expected.type) {
      return [
        `.${call.name}() takes ${typeName[expected.type]}, got ${typeName[arg.type]} ${formatArgument(arg)}`,
      ];
    }
    const value = handlerValue(arg);
    const exact = arg.type === 'int' && !Number.isSafeInteger(value) ? String(arg.value) : undefined;
    const problem = argumentProblem(expected, value, (shown) => exact ?? show(expected.type, shown));
    return problem === undefined ? [] : [`.${call.name}() ${problem}`];
  });
}

function valueOf(spec: OptionSpec, args: readonly OptionArgument[]): unknown {
  if (spec.shape === 'flag') return true;
  const values = args.map(handlerValue);
  return spec.shape === 'tuple' ? values : values[0];
}

function handlerValue(arg: OptionArgument): OptionTypes[OptionType] {
  return arg.type === 'int' ? Number(arg.value) : arg.value;
}

const typeName: Record<OptionType, string> = {
  bool: 'a bool (TRUE or FALSE)',
  int: 'an int (10)',
  double: 'a double (1.0)',
  string: "a string ('text')",
  duration: 'a duration (10s)',
};

function show(type: OptionType, value: OptionTypes[OptionType]): string {
  // `value` is of `type`: both come from the same argument, or from a bound or choice of it.
  if (type === 'duration' || type === 'string') return formatArgument({ type, value } as OptionArgument);
  return String(value);
}

function suggestion(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  return near === undefined
    ? ` (it has ${known.map((other) => `.${other}()`).join(', ')})`
    : ` (did you mean .${near}()?)`;
}
