import { isUdfError, messageOf, UdfError } from '../model/errors.js';
import type { BatchInfo } from '../model/batch.js';
import type { OptionCall } from '../model/option-call.js';
import { withAuthorPlace } from '../udf/author-place.js';
import type { TimerContext } from '../udf/context.js';
import type { UdfDefinition } from '../udf/definition.js';
import { resolveOptions } from '../udf/resolve-options.js';
import { type RuntimeOptions, runtimeOptions } from '../udf/runtime-options.js';
import type { Timer } from '../udf/timers.js';
import type { LazyBatch } from '../wire/lazy-batch.js';
import type { Response } from '../wire/messages.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { StageOptions } from './stages/stages.js';
import type { StateOptions } from './state/header.js';

/** One context serves all handlers: it has the members of each, and the types show a handler only its own. */
export type AnyContext = TimerContext<unknown, unknown, unknown, unknown>;

/** A definition's handlers with their argument types. `defineUdf` has checked that those the UDF needs are present. */
export interface BoundHandlers {
  point(point: LazyPoint, context: AnyContext): unknown;
  batch(batch: LazyBatch, context: AnyContext): unknown;
  beginBatch?(batch: BatchInfo, context: AnyContext): unknown;
  endBatch?(batch: BatchInfo, context: AnyContext): unknown;
  timer?(timer: Timer, context: AnyContext): unknown;
  stop?(context: AnyContext): unknown;
}

/** The answer to an info request. Kapacitor needs only the argument types of options; the rest is checked at init. */
export function infoOf({ wants, provides, options }: UdfDefinition): Response {
  const types = Object.entries(options).map(
    ([name, { args }]) => [name, args.map(({ type }) => type)] as const,
  );
  return { kind: 'info', wants, provides, options: Object.fromEntries(types) };
}

/** The names of the options that a UDF's state depends on. */
export function stateOptionNames({ options, stateIndependentOf }: UdfDefinition): string[] {
  return Object.keys(options).filter(
    (name) => !Object.hasOwn(runtimeOptions, name) && !stateIndependentOf.includes(name),
  );
}

/** Whether `calls` contain one of the options in `names`, which a handler is limited to; always if `names` is undefined. */
export function isAskedFor(names: readonly string[] | undefined, calls: readonly OptionCall[]): boolean {
  return names === undefined || calls.some(({ name }) => names.includes(name));
}

export function pick(values: Readonly<Record<string, unknown>>, names: readonly string[]): StateOptions {
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

/** Calls a function of the definition. Adds `place` to what it throws: no point or batch shows where it failed. */
export function withPlace<Result>(place: string, call: () => Result): Result {
  try {
    return call();
  } catch (reason) {
    if (isUdfError(reason)) throw reason;
    throw new UdfError('handler', `${messageOf(reason)} in ${place}`, { cause: reason });
  }
}

/**
 * Why an instance could not be made. Adds where the author's code threw, or else where the UDF is defined, unless the options in
 * the TICKscript are at fault.
 */
export function refusedInit(reason: unknown, definition: UdfDefinition): UdfError {
  const error = UdfError.from(reason, 'handler');
  return error.code === 'invalid_options' ? error : withAuthorPlace(error, definition);
}

/** The options as handlers read them. Throws `invalid_options`, and what `check` throws. */
export function checkedOptions(
  definition: UdfDefinition,
  calls: readonly OptionCall[],
): Readonly<Record<string, unknown>> {
  const { options, problems } = resolveOptions(definition.options, calls, (given) =>
    withPlace('check', () => definition.handlers.check(given)),
  );
  if (problems.length > 0)
    throw new UdfError('invalid_options', `${definition.name}: ${problems.join('; ')}`);
  return options;
}

const stageOptionNames: readonly string[] = ['reorder', 'distinct', 'distinctPoints', 'distinctTime'];

/** Whether a use has stages. They keep state: points that wait, or a memory of earlier points. */
export function asksForStages(calls: readonly OptionCall[]): boolean {
  return calls.some(({ name }) => stageOptionNames.includes(name));
}

/**
 * The stages that `.reorder()`, `.distinct()` and its variants ask for. Throws `invalid_options` if the UDF wants batches, or if
 * the options contradict each other.
 */
export function stageOptionsOf(
  { name, wants }: UdfDefinition,
  { reorder, distinct, distinctPoints: points, distinctTime: time }: RuntimeOptions,
): Pick<StageOptions, 'reorder' | 'distinct'> {
  const given = { reorder, distinct: distinct || undefined, distinctPoints: points, distinctTime: time };
  for (const [option, value] of Object.entries(given)) {
    if (value === undefined || wants === 'stream') continue;
    throw new UdfError('invalid_options', `${name}: .${option}() needs a UDF that wants a stream`);
  }
  if (points !== undefined && time !== undefined) {
    throw new UdfError(
      'invalid_options',
      `${name}: .distinctPoints() and .distinctTime() exclude each other`,
    );
  }
  const isDistinct = distinct || points !== undefined || time !== undefined;
  return { reorder, distinct: isDistinct ? { points, time } : undefined };
}
