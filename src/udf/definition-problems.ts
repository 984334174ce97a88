import { isAsyncFunction } from 'node:util/types';
import { UdfError } from '../model/errors.js';
import { maxTimerMs } from '../model/duration.js';
import { nearestName } from '../model/text.js';
import { type OptionSpec, valueTypes } from './option.js';
import { errorPolicies, runtimeOptions } from './runtime-options.js';

const identifier = /^[A-Za-z][A-Za-z0-9_]*$/;
/** Words that Kapacitor's lexer takes for something else. */
const keywords = ['AND', 'OR', 'TRUE', 'FALSE', 'var', 'lambda', 'dbrp'];

/** Whether a TICKscript can write this name after `@` or `.`. */
export function isTickscriptName(name: string): boolean {
  return identifier.test(name) && !keywords.includes(name);
}

/** The functions of a definition, and how each is written. */
const functions = {
  check: 'check: (options) => []',
  prepare: 'prepare: (options) => …',
  state: 'state: () => ({ … })',
  migrate: 'migrate: (old, fromVersion) => ({ … })',
  isState: 'isState: (state) => true',
  point: 'point: (point, context) => …',
  batch: 'batch: (batch, context) => …',
  beginBatch: 'beginBatch: (batch, context) => …',
  endBatch: 'endBatch: (batch, context) => …',
  timer: 'timer: (timer, context) => …',
  stop: 'stop: (context) => …',
};

/** Functions whose results are used at once, so that they must not be async. */
const synchronous = ['check', 'prepare', 'state', 'migrate', 'isState'];

const keys = [
  'name',
  'doc',
  'wants',
  'provides',
  'options',
  'stateIndependentOf',
  'onlyWith',
  'version',
  'onError',
  'concurrency',
  'ordered',
  'overlap',
  'callTimeoutMs',
  ...Object.keys(functions),
];

/** The problems of the argument of `defineUdf`, each a sentence that names the place. */
export function definitionProblems(given: unknown): string[] {
  if (!isObject(given)) return [`a definition is an object, got ${typeOf(given)}`];
  const functionProblems = problemsOfFunctions(given);
  return [
    ...problemsOfKeys(given),
    ...problemsOfHead(given),
    ...problemsOfOptions(given),
    ...problemsOfOnlyWith(given),
    ...functionProblems,
    // A handler that is not a function would be reported twice.
    ...(functionProblems.length === 0 ? problemsOfHandlers(given) : []),
    ...problemsOfVersion(given),
    ...problemsOfCalls(given),
  ];
}

type Given = Readonly<Record<string, unknown>>;

function problemsOfKeys(udf: Given): string[] {
  return Object.keys(udf)
    .filter((key) => !keys.includes(key))
    .map((key) => {
      const near = nearestName(key, keys);
      const hint = near === undefined ? `it has ${keys.join(', ')}` : `did you mean "${near}"?`;
      return `unknown key "${key}" (${hint})`;
    });
}

function problemsOfHead({ name, wants, provides, onError, doc }: Given): string[] {
  const problems: string[] = [];
  if (typeof name !== 'string' || !isTickscriptName(name)) problems.push(nameProblem('the name', name));
  if (doc !== undefined && typeof doc !== 'string')
    problems.push(`"doc" must be a string, got ${typeOf(doc)}`);
  for (const [key, edge] of Object.entries({ wants, provides })) {
    if (edge !== 'stream' && edge !== 'batch') {
      problems.push(`"${key}" must be 'stream' or 'batch', got ${shown(edge)}`);
    }
  }
  if (onError !== undefined && !(errorPolicies as readonly unknown[]).includes(onError)) {
    const policies = errorPolicies.map((policy) => `'${policy}'`).join(', ');
    problems.push(`"onError" must be one of ${policies}, got ${shown(onError)}`);
  }
  if (onError === 'pass' && wants !== provides) {
    problems.push("onError: 'pass' needs a UDF that provides what it wants");
  }
  return problems;
}

function nameProblem(what: string, name: unknown): string {
  if (keywords.includes(name as string)) return `${what} cannot be ${String(name)}, a keyword of TICKscript`;
  const problem = `${what} must be a letter, then letters, digits and _`;
  const fit = String(name).replace(/[^A-Za-z0-9_]+(.?)/g, (_, next: string) => next.toUpperCase());
  return typeof name === 'string' && isTickscriptName(fit) ? `${problem}, such as ${fit}` : problem;
}

/** Max value of `concurrency`: each call holds a context, and its input is kept. */
const maxConcurrency = 1024;

function problemsOfCalls(given: Given): string[] {
  const { concurrency, ordered, overlap, callTimeoutMs, wants, batch, timer, state } = given;
  const problems: string[] = [];
  if (concurrency !== undefined && !isWhole(concurrency, maxConcurrency)) {
    problems.push(`"concurrency" is a whole number from 1 to ${maxConcurrency}, got ${shown(concurrency)}`);
  }
  if (callTimeoutMs !== undefined && !isWhole(callTimeoutMs, maxTimerMs)) {
    problems.push(
      `"callTimeoutMs" is a whole number of milliseconds from 1 to ${maxTimerMs}, got ${shown(callTimeoutMs)}`,
    );
  }
  if (ordered !== undefined && ordered !== 'group' && ordered !== 'all') {
    problems.push(`"ordered" is 'group' or 'all', got ${shown(ordered)}`);
  }
  if (ordered !== undefined && (concurrency === undefined || concurrency === 1)) {
    problems.push('"ordered" needs a "concurrency" above 1: otherwise all output is in order');
  }
  if (overlap !== undefined && overlap !== 'groups' && overlap !== 'all') {
    problems.push(`"overlap" is 'groups' or 'all', got ${shown(overlap)}`);
  }
  if (overlap === 'all' && (ordered !== 'all' || state !== undefined)) {
    problems.push(
      `"overlap": 'all' needs "ordered": 'all' and no "state", which shows the order of a group's points`,
    );
  }
  const overlaps = concurrency !== undefined && concurrency !== 1;
  if (wants === 'batch' && !batch && (overlaps || callTimeoutMs !== undefined)) {
    const key = overlaps ? '"concurrency"' : '"callTimeoutMs"';
    problems.push(`${key} needs "batch": batches that are handled point by point come one after the other`);
  }
  if (overlaps && timer !== undefined) {
    problems.push('"timer" needs a "concurrency" of 1: it fires between two calls of the whole UDF');
  }
  return problems;
}

function isWhole(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
}

function problemsOfOptions({ options = {}, stateIndependentOf = [] }: Given): string[] {
  if (!isObject(options)) return [`"options" must be an object, got ${typeOf(options)}`];
  const problems: string[] = [];
  for (const [name, spec] of Object.entries(options)) {
    if (!isOptionSpec(spec)) {
      const call = typeof spec === 'function' ? '; call it: option.string({ doc: … })' : '';
      problems.push(`option "${name}" is made by option.string() or another of \`option\`${call}`);
    } else {
      const problem = spec.problem ?? defaultProblem(spec);
      if (problem !== undefined) problems.push(`option "${name}": ${problem}`);
    }
    if (!isTickscriptName(name)) problems.push(nameProblem(`option "${name}"`, name));
    if (Object.hasOwn(runtimeOptions, name))
      problems.push(`option "${name}" is one the runtime offers on every UDF; choose another name`);
  }
  if (!Array.isArray(stateIndependentOf)) {
    problems.push(
      `"stateIndependentOf" must be an array of options' names, got ${typeOf(stateIndependentOf)}`,
    );
    return problems;
  }
  problems.push(...unknownOptions('stateIndependentOf', stateIndependentOf, options));
  return problems;
}

function problemsOfOnlyWith(udf: Given): string[] {
  const { onlyWith = {}, options } = udf;
  if (!isObject(onlyWith)) return [`"onlyWith" must be an object, got ${typeOf(onlyWith)}`];
  return Object.entries(onlyWith).flatMap(([handler, names]) => {
    const place = `"onlyWith.${handler}"`;
    if (names === undefined) return [];
    if (handler !== 'timer' && handler !== 'stop')
      return [`"onlyWith" is for timer and stop, got "${handler}"`];
    if (!udf[handler]) return [`${place} is given, but there is no "${handler}"`];
    if (!Array.isArray(names) || names.length === 0) {
      return [
        `${place} must be an array of options' names, got ${Array.isArray(names) ? 'none' : typeOf(names)}`,
      ];
    }
    return unknownOptions(place.slice(1, -1), names, isObject(options) ? options : {});
  });
}

function unknownOptions(key: string, names: readonly unknown[], options: Given): string[] {
  return names.flatMap((name) => {
    if (typeof name === 'string' && Object.hasOwn(options, name)) return [];
    const near = nearestName(String(name), Object.keys(options));
    const hint = near === undefined ? '' : ` (did you mean "${near}"?)`;
    return [`"${key}" names ${shown(name)}, which is no option${hint}`];
  });
}

function problemsOfFunctions(udf: Given): string[] {
  return Object.entries(functions).flatMap(([key, example]) => {
    const value = udf[key];
    if (value === undefined) return [];
    if (typeof value !== 'function')
      return [`"${key}" must be a function (${example}), got ${typeOf(value)}`];
    if (synchronous.includes(key) && isAsyncFunction(value)) return [asyncProblem(key)];
    return [];
  });
}

function problemsOfHandlers({ wants, point, batch, beginBatch, endBatch }: Given): string[] {
  const given = Object.entries({ point, batch, beginBatch, endBatch }).flatMap(([key, handler]) =>
    handler ? [key] : [],
  );
  const got = `got ${given.length === 0 ? 'none' : given.join(', ')}`;
  if (wants === 'stream' && (!point || batch || beginBatch || endBatch)) {
    return [`a UDF that wants a stream has one handler, ${functions.point}; ${got}`];
  }
  if (wants === 'batch' && (batch ? point || beginBatch || endBatch : !point)) {
    return [
      `a UDF that wants batches has either batch, or point with beginBatch and endBatch as needed; ${got}`,
    ];
  }
  return [];
}

function problemsOfVersion({ version = 1, migrate }: Given): string[] {
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1) {
    return ['"version" is a whole number from 1'];
  }
  if (version > 1 && !migrate)
    return [`version ${version} needs "migrate" for snapshots of older ones: ${functions.migrate}`];
  return [];
}

// ---- what the author's functions return ----

/** The result of `check`. Throws `invalid_argument` unless it is an array of strings or `undefined`. */
export function checkedProblems(udf: string, problems: unknown): readonly string[] {
  refusePromise(udf, 'check', problems);
  if (problems === undefined) return [];
  if (!Array.isArray(problems) || !problems.every((problem) => typeof problem === 'string')) {
    throw new UdfError(
      'invalid_argument',
      `UDF "${udf}": "check" must return an array of strings, got ${typeOf(problems)}`,
    );
  }
  return problems;
}

/** A function's result. Throws `invalid_argument` if it is a promise. */
export function refusePromise(udf: string, key: string, result: unknown): unknown {
  if (!isObject(result) || !('then' in result) || typeof result.then !== 'function') return result;
  // Nothing awaits it: an unhandled rejection would end the process.
  void Promise.resolve(result).catch(() => undefined);
  throw new UdfError('invalid_argument', `UDF "${udf}": ${asyncProblem(key)}`);
}

function asyncProblem(key: string): string {
  const hint =
    key === 'prepare' ? '; await in the handlers what it starts, as a property of the object it returns' : '';
  return `"${key}" must not be async or return a promise: its result is used at once${hint}`;
}

/**
 * Wraps `state` to check each result. The wrapper throws `invalid_argument` for anything but an object, and for the
 * object of the call before unless it is frozen: groups would share it.
 */
export function checkedState<Args extends readonly unknown[]>(
  udf: string,
  state: (...args: Args) => unknown,
): (...args: Args) => object {
  let last: unknown;
  return (...args) => {
    const created = stateObject(udf, 'state', state(...args));
    if (created === last && !Object.isFrozen(created)) {
      throw new UdfError(
        'invalid_argument',
        `UDF "${udf}": "state" returned the same object for two groups, which would share it; return a new one each time: state: () => ({ … })`,
      );
    }
    last = created;
    return created;
  };
}

/** Returns a state. Throws `invalid_argument` with a hint if it is not an object. `place` is its source, for messages. */
export function stateObject(udf: string, place: string, state: unknown): object {
  refusePromise(udf, place, state);
  if (typeof state === 'object' && state !== null) return state;
  const source = place === 'state' || place === 'migrate' ? `"${place}" must return` : `${place} must be`;
  const hint =
    'a change of it in a handler would be lost. Write state: () => ({ count: 0 }) and state.count += 1';
  throw new UdfError('invalid_argument', `UDF "${udf}": ${source} an object, got ${shown(state)}: ${hint}`);
}

// ---- values ----

/** Whether a value was made by `option.string()` or another of `option`. */
function isOptionSpec(value: unknown): value is OptionSpec {
  return isObject(value) && 'args' in value && 'shape' in value;
}

/** A default of the wrong type, which only JavaScript lets through. */
function defaultProblem({ shape, repeatable, args, default: preset }: OptionSpec): string | undefined {
  if (shape !== 'single' || repeatable || preset === undefined) return undefined;
  const { type } = args[0]!; // a single option has one argument
  if (typeof preset === valueTypes[type]) return undefined;
  const wanted = type === 'duration' ? "a duration as text ('10s')" : `a ${valueTypes[type]}`;
  return `the default of ${type === 'int' ? 'an' : 'a'} ${type} must be ${wanted}, got ${shown(preset)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  return typeOf(value);
}
