import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, systemCode } from '../model/errors.js';
import { nearestName } from '../model/text.js';
import { shownFile } from '../udf/stack-frames.js';

/** An import that failed: a text that names what was wanted, where it is written, and what to do. */
export interface FailedImport {
  readonly problem: string;
  /** `udf.ts:2:15`, the place of the specifier. */
  readonly place: string | undefined;
  readonly remedy: string | undefined;
}

/** Describes the failed import of a file, a package or a name by one of `files`; `undefined` for other errors. */
export function failedImport(reason: unknown, files: readonly string[]): FailedImport | undefined {
  const message = messageOf(reason);
  switch (systemCode(reason)) {
    case 'ERR_MODULE_NOT_FOUND':
    case 'ERR_UNSUPPORTED_DIR_IMPORT':
      return missingModule(message);
    case 'MODULE_NOT_FOUND':
      return missingRequire(message);
    case 'ERR_IMPORT_ATTRIBUTE_MISSING':
    case 'ERR_IMPORT_ASSERTION_TYPE_MISSING':
      return missingAttribute(message, files);
    case 'ERR_PACKAGE_PATH_NOT_EXPORTED':
      return missingSubpath(message, files);
    case 'ERR_UNKNOWN_BUILTIN_MODULE': {
      const specifier = /: (.+)$/.exec(message)?.[1] ?? '';
      return { problem: message, place: placeInFiles(files, (one) => one === specifier), remedy: undefined };
    }
    default:
      return undefined;
  }
}

/** Max names that a message lists. */
const maxNames = 8;

/** The modules of this package that authors import. */
const ownModules: Readonly<Record<string, string>> = {
  'kapacitor-udf': '../index.js',
  'kapacitor-udf/testkit': '../testkit/index.js',
};

/** What to do about an import of a name that a module does not export; `undefined` if that is not known. */
export function remedyForExport(reason: unknown, importer: string): string | undefined {
  const found = /requested module '(.+?)' does not provide an export named '(.+)'$/.exec(messageOf(reason));
  if (!found) return undefined;
  const [, specifier, name] = found as unknown as [string, string, string]; // both groups are part of every match
  const own = ownModules[specifier];
  if (own === undefined && !isPath(specifier)) return undefined;
  const file =
    own === undefined ? join(dirname(importer), specifier) : fileURLToPath(new URL(own, import.meta.url));
  const names = exportedNames(file);
  const near = nearestName(name, names);
  if (near !== undefined) return `did you mean ${near}?`;
  return names.length > 0 && names.length <= maxNames ? `it exports ${names.join(', ')}` : undefined;
}

function missingModule(message: string): FailedImport | undefined {
  const found = /^(?:Cannot find (module|package)|Directory import) '(.+?)'.* imported from (.+)$/s.exec(
    message,
  );
  if (!found) return undefined;
  const [, kind, wanted, importer] = found as unknown as [string, string | undefined, string, string]; // see the pattern
  if (kind === 'package') {
    return {
      problem: `Cannot find package '${wanted}'`,
      place: placeIn(importer, (specifier) => specifier === wanted || specifier.startsWith(`${wanted}/`)),
      remedy: installRemedy(wanted),
    };
  }
  const place = placeIn(
    importer,
    (specifier) => isPath(specifier) && join(dirname(importer), specifier) === wanted,
  );
  const shown = shownFile(wanted);
  if (kind === undefined) {
    const index = indexOf(wanted);
    return {
      problem: `'${shown}' is a directory, which ES modules do not import`,
      place,
      remedy: `name the file in it${index === undefined ? '' : `: '${specifierOf(importer, join(wanted, index))}'`}`,
    };
  }
  return { problem: `Cannot find file '${shown}'`, place, remedy: fileRemedy(importer, wanted) };
}

/** As CommonJS words it, with the files that required each other on lines of their own. */
function missingRequire(message: string): FailedImport | undefined {
  const found = /^Cannot find module '(.+?)'(?:\nRequire stack:\n- (.+))?/.exec(message);
  if (!found) return undefined;
  const [, wanted, importer] = found as unknown as [string, string, string | undefined]; // see the pattern
  const file = importer !== undefined && isPath(wanted) ? join(dirname(importer), wanted) : undefined;
  return {
    problem: `Cannot find ${file === undefined ? 'package' : 'file'} '${wanted}'`,
    place: importer === undefined ? undefined : placeIn(importer, (specifier) => specifier === wanted),
    remedy: file === undefined ? installRemedy(wanted) : fileRemedy(importer!, file),
  };
}

function missingSubpath(message: string, files: readonly string[]): FailedImport | undefined {
  const found =
    /^Package subpath '\.(\/.+?)' is not defined by "exports" in (.+)\/package\.json imported from (.+)$/s.exec(
      message,
    );
  if (!found) return undefined;
  const [, subpath, directory, importer] = found as unknown as [string, string, string, string]; // see the pattern
  const isSought = (specifier: string): boolean => specifier.endsWith(subpath);
  // The hooks resolve imports of this package, for authors too.
  if (importer === fileURLToPath(new URL('./module-hooks.js', import.meta.url))) {
    return {
      problem: `kapacitor-udf exports no '${subpath.slice(1)}'`,
      place: placeInFiles(files, isSought),
      remedy: "import from 'kapacitor-udf', 'kapacitor-udf/testkit' or 'kapacitor-udf/udfs'",
    };
  }
  return {
    problem: `The package in ${shownFile(directory)} exports no '${subpath.slice(1)}'`,
    place: placeIn(importer, isSought),
    remedy: 'see "exports" in its package.json',
  };
}

function missingAttribute(message: string, files: readonly string[]): FailedImport {
  const file = /"file:\/\/(.+?)"/.exec(message)?.[1] ?? '';
  const type = /type:? "?(\w+)/.exec(message)?.[1] ?? 'json';
  return {
    problem: `'${shownFile(file)}' is not JavaScript`,
    place: placeInFiles(files, (specifier) => isPath(specifier) && basename(specifier) === basename(file)),
    remedy: `write: with { type: '${type}' } behind the name of the file`,
  };
}

function installRemedy(name: string): string {
  return isBuiltin(name) ? `Node.js has no such part of ${name}` : `npm install ${name}, or correct its name`;
}

/** The file that was probably meant: with an extension, or with a similar name in the same directory. */
function fileRemedy(importer: string, wanted: string): string | undefined {
  const directory = dirname(wanted);
  const files = existsSync(directory) ? readdirSync(directory) : [];
  const name = basename(wanted);
  const stemOf = (file: string): string => basename(file, extname(file));
  const modules = files.filter((file) => moduleFile.test(file));
  const near = nearestName(stemOf(name), modules.map(stemOf));
  const meant =
    modules.find((file) => file.startsWith(`${name}.`)) ??
    modules.find((file) => stemOf(file) === stemOf(name)) ??
    modules.find((file) => stemOf(file) === near);
  return meant === undefined ? undefined : `did you mean '${specifierOf(importer, join(directory, meant))}'?`;
}

const moduleFile = /\.[cm]?[jt]s$/;

function indexOf(directory: string): string | undefined {
  return existsSync(directory)
    ? readdirSync(directory).find((file) => /^index\.[cm]?[jt]s$/.test(file))
    : undefined;
}

function specifierOf(importer: string, file: string): string {
  const path = relative(dirname(importer), file);
  return path.startsWith('.') ? path : `./${path}`;
}

const isPath = (specifier: string): boolean => /^\.{0,2}\//.test(specifier);

/** Specifiers of imports, exports and calls of `import` and `require`. */
const specifiers = /\b(?:from|import|require)\s*\(?\s*(?=(['"])(.+?)\1)/g;

/** `udf.ts:2:15`: where a file writes the specifier that is sought. */
function placeIn(file: string, isSought: (specifier: string) => boolean): string | undefined {
  const source = textOf(file);
  for (const match of source.matchAll(specifiers)) {
    if (!isSought(match[2]!)) continue; // a part of every match
    const before = source.slice(0, match.index + match[0].length).split('\n');
    return `${shownFile(file)}:${before.length}:${before.at(-1)!.length + 1}`;
  }
  return source === '' ? undefined : shownFile(file);
}

function placeInFiles(
  files: readonly string[],
  isSought: (specifier: string) => boolean,
): string | undefined {
  return files
    .map((file) => placeIn(file, isSought))
    .find((place) => place !== undefined && /:\d+$/.test(place));
}

/** The names that a file exports, as far as they are written in it; `default` is left out. */
function exportedNames(file: string): string[] {
  const source = textOf(file);
  const declared = [
    ...source.matchAll(/\bexport\s+(?:async\s+)?(?:const|let|var|class|function\*?)\s+([\w$]+)/g),
  ];
  const listed = [...source.matchAll(/\bexport\s*\{([^}]*)\}/g)].flatMap(([, names]) => names!.split(','));
  return [
    ...declared.map(([, name]) => name!),
    ...listed.map((entry) =>
      entry
        .trim()
        .split(/\s+as\s+/)
        .at(-1)!,
    ),
  ].filter((name) => name !== '' && name !== 'default');
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
