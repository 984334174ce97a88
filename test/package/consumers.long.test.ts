import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { installPackage, packageRoot } from '../support/package-install.js';
import { tempDirForFile } from '../support/temp-dir.js';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const directory = tempDirForFile();

/** A program that uses each entry point. Its last line is where ES modules and CommonJS differ: only one may await there. */
const typed = `
import { defineUdf, isUdfDefinition, option, UdfError, type Point } from 'kapacitor-udf';
import { expectPoints, runUdf } from 'kapacitor-udf/testkit';
import { bundledUdfs } from 'kapacitor-udf/udfs';

const scaled = defineUdf({
  name: 'scaled',
  wants: 'stream',
  provides: 'stream',
  options: { by: option.double({ required: true, doc: 'Factor.' }) },
  point: (point: Point, { options }) => point.withField('value', options.by * (point.number('value') ?? 0)),
});

export async function main(): Promise<void> {
  const run = await runUdf(scaled, { options: { by: 2.5 } });
  const { points } = await run.send('m value=4 1');
  expectPoints(points, 'm value=10 1');
  const isKnown = new UdfError('usage', 'wrong') instanceof UdfError;
  console.log(isKnown && bundledUdfs.every(isUdfDefinition) ? 'all is there' : 'something lacks');
}
`;
const javascript = typed
  .replace(', type Point }', ' }')
  .replace('point: Point', 'point')
  .replace(': Promise<void>', '');

beforeAll(() => {
  installPackage(directory, ['@types/node']);
}, 60_000);

/** Makes a project in a directory below; returns its path. */
function project(name: string, type: 'module' | 'commonjs', file: string, source: string): string {
  const path = join(directory, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'package.json'), JSON.stringify({ type }));
  writeFileSync(join(path, file), source);
  return path;
}

/** Compiles a project's main.ts into main.js. Returns what the compiler says. */
function compile(path: string, options: object): string {
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    ...options,
    typeRoots: [join(packageRoot, 'node_modules/@types')],
  };
  writeFileSync(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
  try {
    return execFileSync(process.execPath, [tsc, '-p', '.'], { cwd: path, encoding: 'utf8' });
  } catch (reason) {
    return (reason as { stdout: string }).stdout;
  }
}

function output(path: string): string {
  return execFileSync(process.execPath, ['main.js'], { cwd: path, encoding: 'utf8' });
}

describe('a project can use the package', () => {
  test.each([
    ['node16', { module: 'node16' }],
    ['nodenext', { module: 'nodenext' }],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler' }],
  ])('in TypeScript with ES modules, resolved as by %s', { timeout: 60_000 }, (name, options) => {
    const path = project(name, 'module', 'main.ts', `${typed}await main();\n`);
    expect(compile(path, options)).toBe('');
    expect(output(path)).toBe('all is there\n');
  });

  test('in TypeScript with CommonJS, which requires ES modules', { timeout: 60_000 }, () => {
    const path = project('commonjs', 'commonjs', 'main.ts', `${typed}void main();\n`);
    expect(compile(path, { module: 'nodenext' })).toBe('');
    expect(output(path)).toBe('all is there\n');
  });

  test('in JavaScript with ES modules', () => {
    const path = project('javascript', 'module', 'main.js', `${javascript}await main();\n`);
    expect(output(path)).toBe('all is there\n');
  });

  test('in JavaScript with CommonJS', () => {
    const source = javascript
      .replace(/import (.*) from (.*);/g, 'const $1 = require($2);')
      .replace('export async', 'async');
    const path = project('commonjs-javascript', 'commonjs', 'main.js', `${source}main();\n`);
    expect(output(path)).toBe('all is there\n');
  });
});

test('a UDF in TypeScript with CommonJS can be hosted', { timeout: 60_000 }, () => {
  const source = `${typed.slice(0, typed.indexOf('export async'))}export default scaled;\n`;
  const path = project('hosted', 'commonjs', 'main.ts', source);
  expect(compile(path, { module: 'nodenext' })).toBe('');
  const cli = join(directory, 'node_modules/.bin/kapacitor-udf');
  const listed = execFileSync(process.execPath, [cli, 'list', 'scaled', '--load', './main.js'], {
    cwd: path,
    encoding: 'utf8',
  });
  expect(listed).toContain('.by(double)');
});
