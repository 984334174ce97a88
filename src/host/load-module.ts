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
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = (await import(
      file === undefined ? givenPackage + module : pathToFileURL(file).href
    )) as typeof exports;
  } catch (cause) {
    throw new UdfError('invalid_module', `cannot load ${module}: ${problemOf(cause, module, file)}`, {
      cause,
    });
  }
  const found = new Set(Object.values(exports).flat().filter(isUdfDefinition));
  if (found.size === 0) {
    throw new UdfError('invalid_module', `${module} exports no UDF; export what defineUdf() returns`);
  }
  return [...found];
}

/** The file that is meant; `undefined` for the name of a package. Throws if a file is meant that is not there. */
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

/** What is wrong in the words of Node.js, with the place if it names one. */
function problemOf(reason: unknown, module: string, file: string | undefined): string {
  const code = systemCode(reason);
  const message = messageOf(reason);
  if (file !== undefined && /^\.[cm]?ts$/.test(extname(file)) && isAboutTypeScript(code)) {
    return `Node.js ${process.version} cannot import this TypeScript; compile it to JavaScript first, or use Node.js 22.18 or newer`;
  }
  if (file === undefined && code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${module}'`)) {
    return `there is no such file or package; if it is a UDF's name, it goes before --load`;
  }
  const place = reason instanceof SyntaxError && file !== undefined ? placeOfSyntaxError(file) : undefined;
  return place === undefined ? message : `${message} (${place})`;
}

/** Where Node.js stops when it only checks the file: the error of an import does not say. */
function placeOfSyntaxError(file: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' });
  return /^.+:\d+$/m.exec(stderr)?.[0];
}

function isAboutTypeScript(code: string | undefined): boolean {
  return code === 'ERR_UNKNOWN_FILE_EXTENSION' || code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX';
}
