import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { register } from 'node:module';
import { extname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { isUdfDefinition, type UdfDefinition } from '../udf/definition.js';
import { givenPackage } from './module-hooks.js';

/**
 * The UDFs that a module exports: by default or by name, alone or in an array. It is given as a path from the current
 * directory or as the name of a package. Throws `invalid_module` if it cannot be imported or exports none.
 */
export async function loadModule(module: string): Promise<UdfDefinition[]> {
  const file = fileOf(module);
  registerHooks();
  let exports: Exports;
  try {
    exports = (await import(
      file === undefined ? givenPackage + module : pathToFileURL(file).href
    )) as Exports; // the namespace of a module
  } catch (cause) {
    throw new UdfError('invalid_module', `cannot load ${module}: ${problemOf(cause, module, file)}`, {
      cause,
    });
  }
  const found = new Set(exportedValues(exports).filter(isUdfDefinition));
  if (found.size === 0) throw new UdfError('invalid_module', `${module} ${whyNoUdf(exports)}`);
  return [...found];
}

type Exports = Readonly<Record<string, unknown>>;

/**
 * What a module exports, arrays taken apart. A module compiled to CommonJS has its exports once more within its default
 * export, and its own default export among these.
 */
function exportedValues(exports: Exports): unknown[] {
  const inner = commonJsExports(exports);
  return [...Object.values(exports), ...(inner ? Object.values(inner) : [])].flat();
}

function commonJsExports(exports: Exports): Exports | undefined {
  const { default: inner } = exports;
  return typeof inner === 'object' && inner !== null && '__esModule' in inner ? inner : undefined;
}

/** Why a module offers no UDF, after its name, and what to write. */
function whyNoUdf(exports: Exports): string {
  const values = exportedValues(exports).filter((value) => value !== undefined);
  if (values.length === 0) return 'exports nothing; write: export default defineUdf({ … })';
  if (values.some(isPlainDefinition)) {
    return 'exports a plain object instead of a UDF; write: export default defineUdf({ … })';
  }
  const { default: main = commonJsExports(exports)?.default } = exports;
  if (typeof main === 'function') {
    return 'exports a function by default; export what defineUdf() returns, not a function that calls it';
  }
  return 'exports no UDF; export what defineUdf() returns';
}

function isPlainDefinition(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'wants' in value && 'provides' in value;
}

/** The path of a file; `undefined` for the name of a package. Throws `invalid_module` if the file does not exist. */
function fileOf(module: string): string | undefined {
  const path = resolve(module);
  if (existsSync(path)) {
    if (!statSync(path).isDirectory()) return path;
    throw new UdfError('invalid_module', `cannot load ${module}: it is a directory; name the file in it`);
  }
  if (/^\.{1,2}[/\\]/.test(module) || isAbsolute(module) || /\.[cm]?[jt]s$/.test(module)) {
    throw new UdfError('invalid_module', `cannot load ${module}: there is no file ${path}`);
  }
  return undefined;
}

let registered = false;

function registerHooks(): void {
  if (registered) return;
  registered = true;
  register('./module-hooks.js', import.meta.url, { data: pathToFileURL(resolve('module')).href });
}

/** The problem and its remedy for known errors; for others, the message of Node.js with file and line if known. */
function problemOf(reason: unknown, module: string, file: string | undefined): string {
  const code = systemCode(reason);
  const message = messageOf(reason);
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return unerasable(reason, message);
  if (file !== undefined && /^\.[cm]?ts$/.test(extname(file)) && code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return `Node.js ${process.version} cannot import this TypeScript; compile it to JavaScript first, or use Node.js 22.18 or newer`;
  }
  if (code === 'MODULE_NOT_FOUND' && /'kapacitor-udf(\/[^']*)?'/.test(message)) {
    return 'it is compiled to CommonJS, whose require() finds kapacitor-udf only where it is installed; compile it to ES modules ("type": "module" in package.json), or install kapacitor-udf beside it';
  }
  if (file === undefined && code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${module}'`)) {
    return `there is no such file or package; if it is a UDF's name, it goes before --load`;
  }
  const place = reason instanceof SyntaxError && file !== undefined ? placeOfSyntaxError(file) : undefined;
  return place === undefined ? message : `${message} (${place})`;
}

/** Where `node --check` finds the error; the error of an import does not name the place. */
function placeOfSyntaxError(file: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' });
  return /^.+:\d+$/m.exec(stderr)?.[0];
}

/** The first line of a stack as Node.js writes it for a file that it could not read: `/path/udf.ts:3`. */
const placeLine = /^(?:file:\/\/)?(\/.+:\d+)$/m;

/** For TypeScript with code to generate, such as an enum, which Node.js does not transform. */
function unerasable(reason: unknown, message: string): string {
  const construct = /TypeScript (.+?) (?:is|are) not supported/i.exec(message)?.[1] ?? 'syntax';
  const place = reason instanceof Error ? placeLine.exec(reason.stack ?? '')?.[1] : undefined;
  return `Node.js cannot erase TypeScript's ${construct}${place === undefined ? '' : ` (${place})`}; write it in JavaScript, or compile the module first`;
}
