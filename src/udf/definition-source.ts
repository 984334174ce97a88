import { fileURLToPath } from 'node:url';

/** A place in a stack. */
export interface StackFrame {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const framePattern = /(?:^|[\s(])((?:file:\/\/)?\/[^\s()]*|\/[^()]*):(\d+):(\d+)\)?$/;

/** The frames of a stack that are in files, the innermost first; those of Node.js itself are left out. */
export function stackFrames(stack: string): StackFrame[] {
  return stack.split('\n').flatMap((text) => {
    const found = /^\s+at /.test(text) ? framePattern.exec(text) : null;
    if (!found) return [];
    const [, place, line, column] = found as unknown as [string, string, string, string]; // all are part of every match
    return [
      {
        file: place.startsWith('file:') ? fileURLToPath(place) : place,
        line: Number(line),
        column: Number(column),
      },
    ];
  });
}

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
