import { fileURLToPath } from 'node:url';
import { type StackFrame, stackFrames } from './stack-frames.js';

const sources = new WeakMap<object, StackFrame>();
const ownFile = fileURLToPath(import.meta.url);

/** Notes the place where a definition is made: the innermost of the stack that is not in `definingFile` (a URL). */
export function noteSource(definition: object, definingFile: string): void {
  const holder: { stack?: string } = {};
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 8;
  Error.captureStackTrace(holder, noteSource);
  Error.stackTraceLimit = stackTraceLimit;
  const own = new Set([ownFile, fileURLToPath(definingFile)]);
  const caller = stackFrames(holder.stack ?? '').find(({ file }) => !own.has(file));
  if (caller) sources.set(definition, caller);
}

/** The file that a UDF is defined in, if it is known. */
export function sourceOf(definition: object): string | undefined {
  return placeOfDefinition(definition)?.file;
}

/** Where a UDF is defined, if that is known: the call of `defineUdf`. */
export function placeOfDefinition(definition: object): StackFrame | undefined {
  return sources.get(definition);
}

/** Notes for a changed copy of a definition where the original is made. */
export function keepSource(copy: object, definition: object): void {
  const place = sources.get(definition);
  if (place) sources.set(copy, place);
}
