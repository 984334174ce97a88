import { existsSync, statSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { isAbsolute, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { UdfError } from '../model/errors.js';
import { isUdfDefinition, type UdfDefinition } from '../udf/definition.js';
import { guardImport } from './guard-import.js';
import { givenPackage, type HookSettings } from './module-hooks.js';
import { loadProblem } from './load-problem.js';

/**
 * The UDFs that a module exports: by default or by name, alone or in an array. It is given as a path from the current
 * directory or as the name of a package. Throws `invalid_module` if it cannot be imported within `maxMs`, ends the process, or
 * exports none.
 */
export async function loadModule(module: string, maxMs?: number): Promise<UdfDefinition[]> {
  const file = fileOf(module);
  registerHooks();
  newImports();
  let exports: Exports;
  try {
    const url = file === undefined ? givenPackage + module : pathToFileURL(file).href;
    exports = await guardImport(module, () => import(url) as Promise<Exports>, maxMs); // the namespace of a module
  } catch (cause) {
    const problem = await loadProblem(cause, {
      module,
      isFile: file !== undefined,
      localFiles: newImports(),
    });
    throw new UdfError('invalid_module', `cannot load ${module}: ${problem}`, { cause });
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

let imported: MessagePort | undefined;
const files = new Set<string>();
/** The directory of this package's own code. */
const ownCode = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The local files of the modules that this thread has loaded or tried to load: themselves and what they import, directly or
 * not, without installed packages. A file that an import did not find is among them.
 */
export function localFiles(): readonly string[] {
  newImports();
  for (const file of Object.keys(createRequire(import.meta.url).cache)) {
    if (!file.includes(`${sep}node_modules${sep}`) && !file.startsWith(ownCode)) files.add(file);
  }
  return [...files];
}

/** The local files that were imported since the last call. */
function newImports(): string[] {
  const found: string[] = [];
  for (let got; imported && (got = receiveMessageOnPort(imported));) found.push(got.message as string); // as the hooks send it
  for (const file of found) files.add(file);
  return found;
}

function registerHooks(): void {
  if (imported) return;
  const { port1, port2: port } = new MessageChannel();
  imported = port1;
  const data: HookSettings = { directory: pathToFileURL(resolve('module')).href, port };
  register('./module-hooks.js', import.meta.url, { data, transferList: [port] });
}
