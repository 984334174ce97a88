import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { libraryFailure } from '../model/library-failure.js';

/** Whether this Node.js imports TypeScript by itself: from 22.18 on, unless that is switched off. */
export const nodeStripsTypes = Boolean((process.features as { readonly typescript?: unknown }).typescript);

/** The package that erases types where Node.js does not. It is found from the TypeScript file. */
export const eraserPackage = 'ts-blank-space';

type Eraser = (source: string, onUnsupported: (node: { readonly pos: number }) => void) => string;

/**
 * The JavaScript of a TypeScript file. Types become blanks, as Node.js erases them, so that lines and columns of errors are
 * those of the file.
 *
 * Rejects as Node.js does for syntax that needs generated code, such as an enum: `ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX`, with
 * the place as the first line of the stack. Rejects with `MODULE_NOT_FOUND` if `eraserPackage` is not installed, and with its
 * name if it cannot be loaded.
 */
export async function stripTypes(file: string): Promise<string> {
  const source = await readFile(file, 'utf8');
  const eraser = pathToFileURL(createRequire(file).resolve(eraserPackage)).href;
  const { default: erase } = await importEraser(eraser);
  let unsupported: number | undefined;
  const script = erase(source, ({ pos }) => {
    unsupported ??= pos;
  });
  if (unsupported !== undefined) throw unsupportedSyntax(file, source, unsupported);
  return script;
}

async function importEraser(url: string): Promise<{ readonly default: Eraser }> {
  try {
    return (await import(url)) as { readonly default: Eraser }; // its documented export
  } catch (cause) {
    const install = `npm install --save-dev ${eraserPackage}`;
    const library = { name: eraserPackage, title: 'the eraser of TypeScript', install };
    throw new Error(libraryFailure(cause, library), { cause });
  }
}

/** Blanks and comments before a node. */
const trivia = /(?:\s|\/\/.*|\/\*[^]*?\*\/)*/y;
const construct = /^(?:(?:export|declare|const|default)\s+)*(enum|namespace|module|import|export)\b/;

function unsupportedSyntax(file: string, source: string, position: number): Error {
  trivia.lastIndex = position;
  trivia.exec(source);
  const line = source.slice(0, trivia.lastIndex).split('\n').length;
  const keyword = construct.exec(source.slice(trivia.lastIndex))?.[1];
  const text = `TypeScript ${nameOf(keyword)} is not supported in strip-only mode`;
  const error = Object.assign(new SyntaxError(text), { code: 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' });
  error.stack = `${pathToFileURL(file).href}:${line}\n${error.stack ?? ''}`;
  return error;
}

function nameOf(keyword: string | undefined): string {
  switch (keyword) {
    case 'enum':
      return 'enum';
    case 'namespace':
    case 'module':
      return 'namespace declaration';
    case 'import':
    case 'export':
      return `${keyword} assignment`;
    default:
      return 'parameter property';
  }
}
