import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { messageOf, systemCode } from '../model/errors.js';
import { hintFor } from '../udf/mistake-hints.js';
import { shownFile, stackFrames } from '../udf/stack-frames.js';
import { failedImport, remedyForExport } from './failed-import.js';
import { eraserPackage, nodeStripsTypes, stripTypes } from './strip-types.js';

/** A module that could not be imported. */
export interface FailedModule {
  /** As it was given. */
  readonly module: string;
  readonly isFile: boolean;
  /** The files that it consists of, as far as they were found. */
  readonly localFiles: readonly string[];
}

/** The problem and its remedy for known errors; for others, the message of Node.js, and file and line if known. */
export async function loadProblem(reason: unknown, failed: FailedModule): Promise<string> {
  const { module, isFile, localFiles } = failed;
  const code = systemCode(reason);
  const message = messageOf(reason);
  const place = placeInStack(reason, localFiles);
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return unerasable(message, place);
  if (code === 'MODULE_NOT_FOUND' && message.includes(`'${eraserPackage}'`)) {
    return `Node.js ${process.version} cannot import TypeScript by itself; npm install --save-dev ${eraserPackage} beside it, use Node.js 22.18 or newer, or compile it to JavaScript`;
  }
  if (code === 'MODULE_NOT_FOUND' && /'kapacitor-udf(\/[^']*)?'/.test(message)) {
    return 'it is compiled to CommonJS, whose require() finds kapacitor-udf only where it is installed; compile it to ES modules ("type": "module" in package.json), or install kapacitor-udf beside it';
  }
  if (!isFile && code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${module}'`)) {
    return `there is no such file or package; if it is a UDF's name, it goes before --load`;
  }
  if (message.startsWith('require is not defined in ES module scope')) {
    return withPlaceAndRemedy(
      'require is not defined in ES modules',
      place,
      'write import, or name the file .cjs',
    );
  }
  const missing = failedImport(reason, localFiles);
  if (missing) return withPlaceAndRemedy(missing.problem, missing.place ?? place, missing.remedy);
  const found = place ?? (reason instanceof SyntaxError ? await placeOfSyntaxError(localFiles) : undefined);
  const remedy = isImportInCommonJs(message)
    ? 'it is read as CommonJS: name it .mjs, or write "type": "module" into the package.json beside it'
    : (remedyForExport(reason, importerIn(reason)) ?? hintFor(message));
  return withPlaceAndRemedy(message, found, remedy);
}

function withPlaceAndRemedy(problem: string, place: string | undefined, remedy: string | undefined): string {
  return `${problem}${place === undefined ? '' : ` (${place})`}${remedy === undefined ? '' : `; ${remedy}`}`;
}

function isImportInCommonJs(message: string): boolean {
  return /^(?:Cannot use import statement outside a module|Unexpected token 'export')$/.test(message);
}

/** The first lines of a stack as Node.js writes it for a file that it could not read: its place, the line, and a caret. */
const unreadSource = /^(?:file:\/\/)?(\/.+|\[stdin\]):(\d+)\n(?:.*\n( *)\^)?/m;

/** The path of the file that a stack begins with; empty if it does not. */
function importerIn(reason: unknown): string {
  return decodeURI((reason instanceof Error ? unreadSource.exec(reason.stack ?? '')?.[1] : undefined) ?? '');
}

/** The place that a stack names: of the source that could not be read, else of the innermost call in a local file. */
function placeInStack(reason: unknown, localFiles: readonly string[]): string | undefined {
  if (!(reason instanceof Error)) return undefined;
  const { stack = '' } = reason;
  const unread = placeOfSource(stack);
  if (unread !== undefined) return unread;
  const frame = stackFrames(stack).find(({ file }) => localFiles.includes(file));
  return frame && `${shownFile(frame.file)}:${frame.line}:${frame.column}`;
}

function placeOfSource(text: string, file?: string): string | undefined {
  const found = unreadSource.exec(text);
  if (!found) return undefined;
  const [, path, line, indent] = found as unknown as [string, string, string, string | undefined]; // see the pattern
  const column = indent === undefined ? '' : `:${indent.length + 1}`;
  return `${shownFile(file ?? decodeURI(path))}:${line}${column}`;
}

/** Where `node --check` finds the error, which an import does not name. */
async function placeOfSyntaxError(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const source = await scriptOf(file);
    if (source === undefined) continue;
    const type = file.endsWith('.cjs') ? 'commonjs' : 'module';
    const args = [`--input-type=${type}`, '--check', '-'];
    const { stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', input: source });
    const place = placeOfSource(stderr, file);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** The JavaScript of a file; `undefined` if it is none, or cannot be read. */
async function scriptOf(file: string): Promise<string | undefined> {
  try {
    if (/\.[cm]?js$/.test(file)) return await readFile(file, 'utf8');
    // Where Node.js erases types itself, it names the place.
    return /\.m?ts$/.test(file) && !nodeStripsTypes ? await stripTypes(file) : undefined;
  } catch {
    return undefined;
  }
}

/** For TypeScript with code to generate, such as an enum, which Node.js does not transform. */
function unerasable(message: string, place: string | undefined): string {
  const construct = /TypeScript (.+?) (?:is|are) not supported/i.exec(message)?.[1] ?? 'syntax';
  return `Node.js cannot erase TypeScript's ${construct}${place === undefined ? '' : ` (${place})`}; write it in JavaScript, or compile the module first`;
}
