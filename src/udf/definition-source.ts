import { fileURLToPath } from 'node:url';
import { stackFrames } from './stack-frames.js';

const sources = new WeakMap<object, string>();
const ownFile = fileURLToPath(import.meta.url);

/** Notes the file that a definition is made in: the innermost of the stack that is not `definingFile` (a URL). */
export function noteSource(definition: object, definingFile: string): void {
  const holder: { stack?: string } = {};
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 8;
  Error.captureStackTrace(holder, noteSource);
  Error.stackTraceLimit = stackTraceLimit;
  const own = new Set([ownFile, fileURLToPath(definingFile)]);
  const caller = stackFrames(holder.stack ?? '').find(({ file }) => !own.has(file));
  if (caller) sources.set(definition, caller.file);
}

/** The file that a UDF is defined in, if it is known. */
export function sourceOf(definition: object): string | undefined {
  return sources.get(definition);
}
