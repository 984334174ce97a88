import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { tempDirForFile } from '../support/temp-dir.js';
import { nodeStripsTypes } from '../../src/host/strip-types.js';

const udf = (name: string): string =>
  `defineUdf({ name: '${name}', wants: 'stream', provides: 'stream', point() {} })`;
const define = `import { defineUdf } from 'kapacitor-udf';\n`;

const files: Readonly<Record<string, string>> = {
  'default.mjs': `${define}export default ${udf('one')};`,
  'named.mjs': `${define}export const a = ${udf('one')};\nexport const b = ${udf('two')};\nexport default a;\nexport const c = 3;`,
  'array.mjs': `${define}export default [${udf('one')}, ${udf('two')}];`,
  'none.mjs': `export default { name: 'one' };\nexport const nothing = null;`,
  'empty.mjs': `${define}${udf('one')};`,
  'plain.mjs': `export default { name: 'one', wants: 'stream', provides: 'stream', point() {} };`,
  'maker.mjs': `${define}export default () => ${udf('one')};`,
  // As TypeScript compiles it to CommonJS.
  'compiled.cjs': `Object.defineProperty(exports, '__esModule', { value: true });\nconst { defineUdf } = require(${JSON.stringify(new URL('../../dist/src/index.js', import.meta.url).pathname)});\nconst udf = ${udf('compiled')};\nObject.assign(exports, { default: udf });`,
  // Where what erases types is installed.
  'typed/enum.ts': `const one = 1;\n// A comment.\nexport enum Color { Red }\nexport default one;`,
  'typed/namespace.ts': `namespace A { export const x = 1 }`,
  'typed/parameter.ts': `export class A {\n  constructor(private x: number) {}\n}`,
  'typed/imports.ts': `import { name } from './shared/name.ts';\n${define}export default ${udf('typed')};\nname satisfies string;`,
  'typed/shared/name.ts': `export const name: string = 'typed';`,
  'typed/broken.ts': `import './shared/broken.ts';`,
  'typed/shared/broken.ts': `export interface A {\n  a: 1;\n}\nexport const one: number = ;`,
  'broken.mjs': `import './folder/broken.mjs';`,
  'folder/broken.mjs': `export const one = 1;\nexport const two = ;`,
  'unexported.mjs': `import './folder/fine.mjs';\nimport { two } from './folder/fine.mjs';`,
  'folder/fine.mjs': `export const one = 1;`,
  'missing.mjs': `import './folder/missing.mjs';`,
  'extension.mjs': `import { one } from './folder/fine';`,
  'misspelt.mjs': `const a = 1;\nimport { one } from './folder/fien.mjs';`,
  'directory.mjs': `import './folder';`,
  'json.mjs': `import settings from './package.json';`,
  'package.json': `{}`,
  'subpath.mjs': `import 'my-udfs/other';`,
  'name.mjs': `import { on } from './folder/fine.mjs';`,
  'require.mjs': `const { defineUdf } = require('kapacitor-udf');`,
  'own-subpath.mjs': `${define}import { x } from 'kapacitor-udf/dist/src/index.js';`,
  'unknown-option.mjs': `import { option } from 'kapacitor-udf';\noption.number();`,
  'own-name.mjs': `import { defineUDF } from 'kapacitor-udf';`,
  'no-default.mjs': `import fine from './folder/fine.mjs';`,
  'builtin.mjs': `import 'node:fss';`,
  'requires.cjs': `\nrequire('./folder/fien');`,
  'throws-within.mjs': `import './folder/throwing.mjs';`,
  'folder/throwing.mjs': `const units = undefined;\nexport const first = units.first;`,
  'throws.mjs': `throw new Error('not\\ntoday');`,
  'syntax.mjs': `export const ok = 1;\nexport default {;`,
  'wrong.mjs': `${define}export default defineUdf({ name: 'no-name', wants: 'stream', provides: 'stream', point() {} });`,
  'lacks.mjs': `import 'no-such-package';`,
  'typed.ts': `${define}const name: string = 'typed';\nexport default defineUdf({ name, wants: 'stream', provides: 'stream', point() {} });`,
  'node_modules/my-udfs/package.json': `{ "name": "my-udfs", "type": "module", "exports": { "import": "./index.js" } }`,
  'node_modules/my-udfs/index.js': `${define}export default ${udf('packed')};`,
  // Another copy of this package, as a user's own project may have it installed.
  'node_modules/kapacitor-udf/package.json': `{ "name": "kapacitor-udf", "type": "module", "exports": "./index.js" }`,
  'node_modules/kapacitor-udf/index.js': `export const defineUdf = () => { throw new Error('another copy'); };`,
};

/** What became of each module, loaded by the built code in a process of its own whose directory has them all. */
let loaded: Readonly<Record<string, string[] | { code: string; message: string }>>;
let localFiles: readonly string[];
const directory = tempDirForFile();
/** A module in a directory where nothing is installed. */
const lonelyDirectory = tempDirForFile();
let lonely: string;

beforeAll(() => {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  }
  mkdirSync(join(directory, 'typed/node_modules'));
  symlinkSync(
    fileURLToPath(new URL('../../node_modules/ts-blank-space', import.meta.url)),
    join(directory, 'typed/node_modules/ts-blank-space'),
  );
  lonely = join(lonelyDirectory, 'requires.cjs');
  writeFileSync(lonely, `exports.default = require('kapacitor-udf').${udf('one')};`);
  const modules = [
    lonely,
    ...Object.keys(files)
      .filter((file) => !/^(node_modules|folder|typed\/shared)\//.test(file))
      .map((file) => `./${file}`),
    'default.mjs',
    join(directory, 'default.mjs'),
    './folder',
    './gone.mjs',
    'my-udfs',
    'your-udfs',
  ];
  const script = `
    import { loadModule, localFiles } from ${JSON.stringify(new URL('../../dist/src/host/load-module.js', import.meta.url))};
    const loaded = {};
    for (const module of ${JSON.stringify(modules)}) {
      loaded[module] = await loadModule(module).then(
        (definitions) => definitions.map(({ name }) => name),
        ({ code, message }) => ({ code, message }),
      );
    }
    process.stdout.write(JSON.stringify({ loaded, localFiles: localFiles() }));`;
  const args = ['--input-type=module', '--eval', script];
  ({ loaded, localFiles } = JSON.parse(
    execFileSync(process.execPath, args, { cwd: directory, encoding: 'utf8' }),
  ) as { loaded: typeof loaded; localFiles: typeof localFiles });
});

describe('a module gives the UDFs that it exports', () => {
  test.each([
    ['by default', './default.mjs', ['one']],
    ['by name, each once', './named.mjs', ['one', 'two']],
    ['in an array', './array.mjs', ['one', 'two']],
    ['from a path without ./', 'default.mjs', ['one']],
    ['from a module compiled to CommonJS', './compiled.cjs', ['compiled']],
    ['from a package that is installed in the directory', 'my-udfs', ['packed']],
    ['from TypeScript, with the TypeScript that it imports', './typed/imports.ts', ['typed']],
  ])('%s', (_how, module, names) => {
    expect([...(loaded[module] as string[])].sort()).toEqual(names);
  });

  test('from a whole path', () => {
    expect(loaded[join(directory, 'default.mjs')]).toEqual(['one']);
  });
});

describe('a module that cannot be used is told in terms of what was given:', () => {
  test.each([
    ['no UDF in it', './none.mjs', './none.mjs exports no UDF; export what defineUdf() returns'],
    [
      'nothing exported',
      './empty.mjs',
      './empty.mjs exports nothing; write: export default defineUdf({ … })',
    ],
    [
      'a definition without defineUdf',
      './plain.mjs',
      './plain.mjs exports a plain object instead of a UDF; write: export default defineUdf({ … })',
    ],
    [
      'a function that makes a UDF',
      './maker.mjs',
      './maker.mjs exports a function by default; export what defineUdf() returns, not a function that calls it',
    ],
    ['it throws', './throws.mjs', 'cannot load ./throws.mjs: not\ntoday'],
    ['its UDF is wrong', './wrong.mjs', 'cannot load ./wrong.mjs: UDF "no-name": the name must be a letter'],
    ['there is no such file', './gone.mjs', 'cannot load ./gone.mjs: there is no file DIR/gone.mjs'],
    ['it is a directory', './folder', 'cannot load ./folder: it is a directory; name the file in it'],
    [
      'there is no such package',
      'your-udfs',
      "cannot load your-udfs: there is no such file or package; if it is a UDF's name, it goes before --load",
    ],
    [
      'it needs a package that is not there',
      './lacks.mjs',
      "cannot load ./lacks.mjs: Cannot find package 'no-such-package' (lacks.mjs:1:8); npm install no-such-package, or correct its name",
    ],
  ])('%s', (_what, module, message) => {
    const { code, message: told } = loaded[module] as { code: string; message: string };
    expect(code).toBe('invalid_module');
    expect(told.slice(0, message.length + directory.length)).toContain(message.replace('DIR', directory));
  });

  test('CommonJS that does not find kapacitor-udf', () => {
    expect(loaded[lonely]).toEqual({
      code: 'invalid_module',
      message: `cannot load ${lonely}: it is compiled to CommonJS, whose require() finds kapacitor-udf only where it is installed; compile it to ES modules ("type": "module" in package.json), or install kapacitor-udf beside it`,
    });
  });

  test.each([
    ['a syntax error', './syntax.mjs', 'Unexpected token', 'syntax.mjs:2:17'],
    [
      'a syntax error of a file that it imports',
      './broken.mjs',
      'Unexpected token',
      'folder/broken.mjs:2:20',
    ],
    [
      'a syntax error of TypeScript that it imports',
      './typed/broken.ts',
      '',
      `typed/shared/broken.ts:4${nodeStripsTypes ? '' : ':28'}`,
    ],
    ['what a file that it imports throws', './throws-within.mjs', 'undefined', 'folder/throwing.mjs:2:28'],
  ])('%s, with the place', (_what, module, problem, place) => {
    const { code, message } = loaded[module] as { code: string; message: string };
    expect(code).toBe('invalid_module');
    expect(message).toContain(problem);
    expect(message).toMatch(new RegExp(`^cannot load ${module}: .* \\(${place}\\)$`));
  });

  test.each([
    [
      'a misspelt file',
      './misspelt.mjs',
      "Cannot find file 'folder/fien.mjs' (misspelt.mjs:2:21); did you mean './folder/fine.mjs'?",
    ],
    [
      'a file without its extension',
      './extension.mjs',
      "Cannot find file 'folder/fine' (extension.mjs:1:21); did you mean './folder/fine.mjs'?",
    ],
    ['a file unlike all others', './missing.mjs', "Cannot find file 'folder/missing.mjs' (missing.mjs:1:8)"],
    [
      'a directory',
      './directory.mjs',
      "'folder' is a directory, which ES modules do not import (directory.mjs:1:8); name the file in it",
    ],
    [
      'JSON',
      './json.mjs',
      "'package.json' is not JavaScript (json.mjs:1:22); write: with { type: 'json' } behind the name of the file",
    ],
    [
      'a part of a package that it does not export',
      './subpath.mjs',
      `The package in node_modules/my-udfs exports no 'other' (subpath.mjs:1:8); see "exports" in its package.json`,
    ],
    [
      'a file of this package',
      './own-subpath.mjs',
      "kapacitor-udf exports no 'dist/src/index.js' (own-subpath.mjs:2:19); import from 'kapacitor-udf', 'kapacitor-udf/testkit' or 'kapacitor-udf/udfs'",
    ],
    [
      'a kind of option that does not exist',
      './unknown-option.mjs',
      'option.number is not a function (unknown-option.mjs:2:8); option has double',
    ],
    ['a misspelt module of Node.js', './builtin.mjs', 'No such built-in module: node:fss (builtin.mjs:1:8)'],
    [
      'a file, by require',
      './requires.cjs',
      "Cannot find file './folder/fien' (requires.cjs:2:9); did you mean './folder/fine.mjs'?",
    ],
    [
      'a misspelt name',
      './name.mjs',
      "The requested module './folder/fine.mjs' does not provide an export named 'on' (name.mjs:1:10); did you mean one?",
    ],
    [
      'require in an ES module',
      './require.mjs',
      'require is not defined in ES modules (require.mjs:1:23); write import, or name the file .cjs',
    ],
    [
      'a misspelt name of this package',
      './own-name.mjs',
      "The requested module 'kapacitor-udf' does not provide an export named 'defineUDF' (own-name.mjs:1:10); did you mean defineUdf?",
    ],
    [
      'a name that is not exported',
      './unexported.mjs',
      "The requested module './folder/fine.mjs' does not provide an export named 'two' (unexported.mjs:2:10); it exports one",
    ],
    [
      'a default export that is not there',
      './no-default.mjs',
      "The requested module './folder/fine.mjs' does not provide an export named 'default' (no-default.mjs:1:8); it exports one",
    ],
  ])('an import that fails, with file, line, column and what to do: %s', (_what, module, problem) => {
    expect(loaded[module]).toEqual({ code: 'invalid_module', message: `cannot load ${module}: ${problem}` });
  });

  test.each([
    ['./typed/enum.ts', 'enum', 3],
    // The column is known where Node.js erases types itself, and shows the first line.
    ['./typed/namespace.ts', 'namespace declaration', nodeStripsTypes ? '1:1' : '1'],
    ['./typed/parameter.ts', 'parameter property', '2'],
  ])('TypeScript that cannot be erased, with construct, file and line: %s', (module, construct, line) => {
    expect(loaded[module]).toEqual({
      code: 'invalid_module',
      message: `cannot load ${module}: Node.js cannot erase TypeScript's ${construct} (${module.slice(2)}:${line}); write it in JavaScript, or compile the module first`,
    });
  });

  test('TypeScript, where neither this Node.js nor an installed package erases its types', () => {
    if (nodeStripsTypes) {
      expect(loaded['./typed.ts']).toEqual(['typed']);
    } else {
      expect(loaded['./typed.ts']).toMatchObject({
        code: 'invalid_module',
        message: `cannot load ./typed.ts: Node.js ${process.version} cannot import TypeScript by itself; npm install --save-dev ts-blank-space beside it, use Node.js 22.18 or newer, or compile it to JavaScript`,
      });
    }
  });
});

test('the local files of modules are known: what they import, also CommonJS and what is missing', () => {
  const expected = [
    ...['default.mjs', 'compiled.cjs', 'typed/imports.ts', 'typed/shared/name.ts'],
    ...['broken.mjs', 'folder/broken.mjs', 'folder/missing.mjs'],
  ];
  for (const file of expected) expect(localFiles).toContain(join(directory, file));
  expect(localFiles.filter((file) => /node_modules|\/dist\//.test(file))).toEqual([]);
});
