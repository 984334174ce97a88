import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { tempDirForFile } from '../support/temp-dir.js';

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
  'enum.ts': `const one = 1;\nexport enum Color { Red }\nexport default one;`,
  'namespace.ts': `namespace A { export const x = 1 }`,
  'parameter.ts': `export class A {\n  constructor(private x: number) {}\n}`,
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
const directory = tempDirForFile();
/** A module in a directory where nothing is installed. */
const lonelyDirectory = tempDirForFile();
let lonely: string;

beforeAll(() => {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  }
  mkdirSync(join(directory, 'folder'));
  lonely = join(lonelyDirectory, 'requires.cjs');
  writeFileSync(lonely, `exports.default = require('kapacitor-udf').${udf('one')};`);
  const modules = [
    lonely,
    ...Object.keys(files)
      .filter((file) => !file.includes('/'))
      .map((file) => `./${file}`),
    'default.mjs',
    join(directory, 'default.mjs'),
    './folder',
    './gone.mjs',
    'my-udfs',
    'your-udfs',
  ];
  const script = `
    import { loadModule } from ${JSON.stringify(new URL('../../dist/src/host/load-module.js', import.meta.url))};
    const loaded = {};
    for (const module of ${JSON.stringify(modules)}) {
      loaded[module] = await loadModule(module).then(
        (definitions) => definitions.map(({ name }) => name),
        ({ code, message }) => ({ code, message }),
      );
    }
    process.stdout.write(JSON.stringify(loaded));`;
  const args = ['--input-type=module', '--eval', script];
  loaded = JSON.parse(
    execFileSync(process.execPath, args, { cwd: directory, encoding: 'utf8' }),
  ) as typeof loaded;
});

describe('a module gives the UDFs that it exports', () => {
  test.each([
    ['by default', './default.mjs', ['one']],
    ['by name, each once', './named.mjs', ['one', 'two']],
    ['in an array', './array.mjs', ['one', 'two']],
    ['from a path without ./', 'default.mjs', ['one']],
    ['from a module compiled to CommonJS', './compiled.cjs', ['compiled']],
    ['from a package that is installed in the directory', 'my-udfs', ['packed']],
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
      "cannot load ./lacks.mjs: Cannot find package 'no-such-package'",
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

  test('a syntax error, with the place', () => {
    expect(loaded['./syntax.mjs']).toEqual({
      code: 'invalid_module',
      message: expect.stringMatching(
        /^cannot load \.\/syntax\.mjs: Unexpected token.* \(.*syntax\.mjs:2\)$/,
      ) as string,
    });
  });

  const stripsTypes = 'typescript' in process.features && process.features.typescript !== false;

  test.runIf(stripsTypes).each([
    ['./enum.ts', 'enum', 2],
    ['./namespace.ts', 'namespace declaration', 1],
    ['./parameter.ts', 'parameter property', 2],
  ])('TypeScript that Node.js cannot erase, with construct, file and line: %s', (module, construct, line) => {
    expect(loaded[module]).toEqual({
      code: 'invalid_module',
      message: `cannot load ${module}: Node.js cannot erase TypeScript's ${construct} (${join(directory, module)}:${line}); write it in JavaScript, or compile the module first`,
    });
  });

  test('TypeScript, where this Node.js cannot import it', () => {
    if (stripsTypes) {
      expect(loaded['./typed.ts']).toEqual(['typed']);
    } else {
      expect(loaded['./typed.ts']).toMatchObject({
        code: 'invalid_module',
        message: `cannot load ./typed.ts: Node.js ${process.version} cannot import this TypeScript; compile it to JavaScript first, or use Node.js 22.18 or newer`,
      });
    }
  });
});
