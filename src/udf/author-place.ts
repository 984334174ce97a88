import { basename, dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UdfError } from '../model/errors.js';
import { placeOfDefinition } from './definition-source.js';
import { shownFile, type StackFrame, stackFrames } from './stack-frames.js';

/** Max depth of causes: a chain may be circular. */
const maxCauses = 4;

/**
 * Where the author's code threw, to follow a message: ` (at src/my-udf.ts:12)`. It is the innermost frame outside of this
 * package, Node.js and installed packages, of the error or else of its causes; source-mapped where Node.js maps stacks.
 * Empty if no stack has one. Never throws, whatever was thrown.
 */
export function authorPlace(reason: unknown): string {
  try {
    const frame = authorFrame(reason, maxCauses);
    return frame === undefined ? '' : ` (at ${shownFile(frame.file)}:${frame.line})`;
  } catch {
    return ''; // a thrown value may be a Proxy or have getters, which run any code
  }
}

/**
 * As `authorPlace`; where no stack has a place, as for what a handler returned, that of the definition:
 * ` (the UDF is defined at src/my-udf.ts:4)`. Empty for the bundled UDFs.
 */
export function authorOrDefinitionPlace(reason: unknown, definition: object): string {
  const place = authorPlace(reason);
  if (place !== '') return place;
  const defined = placeOfDefinition(definition);
  return defined === undefined || isOwn(defined.file)
    ? ''
    : ` (the UDF is defined at ${shownFile(defined.file)}:${defined.line})`;
}

/** An error with the place in its message, if there is one: of its stack, or else of the definition, if one is given. */
export function withAuthorPlace(error: UdfError, definition?: object): UdfError {
  const place = definition === undefined ? authorPlace(error) : authorOrDefinitionPlace(error, definition);
  if (place === '') return error;
  return new UdfError(error.code, `${error.message}${place}`, { cause: error.cause ?? error });
}

function authorFrame(reason: unknown, causes: number): StackFrame | undefined {
  if (!(reason instanceof Error)) return undefined;
  const { stack, cause }: { readonly stack?: unknown; readonly cause?: unknown } = reason; // authors may redefine them
  const frames = typeof stack === 'string' ? stackFrames(stack).filter(({ file }) => !isOwn(file)) : [];
  // A UDF may itself be an installed package.
  const frame = frames.find(({ file }) => !file.includes(`${sep}node_modules${sep}`)) ?? frames[0];
  return frame ?? (causes > 0 ? authorFrame(cause, causes - 1) : undefined);
}

/** The directory that holds `src` and `udfs`: of the sources, or `dist`. */
const root = dirname(fileURLToPath(new URL('..', import.meta.url)));
/** Where source maps place the code of `dist`. */
const sourceRoot = basename(root) === 'dist' ? dirname(root) : root;
const ownDirectories = [...new Set([root, sourceRoot])].flatMap((directory) =>
  ['src', 'udfs'].map((name) => `${directory}${sep}${name}${sep}`),
);

function isOwn(file: string): boolean {
  return ownDirectories.some((directory) => file.startsWith(directory));
}
