import { isAbsolute, relative } from 'node:path';
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

/** The path of a file as messages show it: relative to the current directory if it is below it. */
export function shownFile(file: string): string {
  try {
    const path = relative(process.cwd(), file);
    return path === '' || path.startsWith('..') || isAbsolute(path) ? file : path;
  } catch {
    return file; // the current directory has been removed
  }
}
