import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { installPackage, packageRoot as root } from '../support/package-install.js';
import { tempDirForFile } from '../support/temp-dir.js';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly repository: { readonly url: string };
  readonly bugs: { readonly url: string };
  readonly homepage: string;
}

const project = tempDirForFile();
let installed: string;

beforeAll(() => {
  installed = installPackage(project);
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
}, 60_000);

function manifest(): Manifest {
  return JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('the published package', () => {
  test('has every file that its exports name', () => {
    const { exports } = manifest();
    expect(Object.keys(exports)).toEqual(['.', './testkit', './udfs', './package.json']);
    const named = Object.values(exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    for (const file of named) expect(existsSync(join(installed, file)), file).toBe(true);
  });

  test('has source maps whose sources are there', () => {
    const maps = filesBelow(join(installed, 'dist')).filter((file) => file.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(100);
    for (const file of maps) {
      const map = JSON.parse(readFileSync(file, 'utf8')) as {
        readonly sources: readonly string[];
        readonly sourcesContent?: readonly (string | null)[];
      };
      for (const [index, source] of map.sources.entries()) {
        const isThere =
          typeof map.sourcesContent?.[index] === 'string' || existsSync(resolve(dirname(file), source));
        expect(isThere, `${file}: ${source}`).toBe(true);
      }
    }
  });

  test('says where it comes from, and its README has no link that works in a clone only', () => {
    const { repository, bugs, homepage } = manifest();
    const url = repository.url.replace(/^git\+(.*)\.git$/, '$1');
    expect(url).toMatch(/^https:\/\/github\.com\//);
    expect([bugs.url, homepage]).toEqual([`${url}/issues`, `${url}#readme`]);
    const readme = readFileSync(join(installed, 'README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) {
      const [, path] = new RegExp(`^${url}/blob/main/(.*)$`).exec(link) ?? [];
      expect(path, link).toBeDefined();
      expect(existsSync(join(root, path!)), link).toBe(true);
    }
  });

  test('gives UDFs under a name of their own, alone and together', () => {
    const script =
      "import { bundledUdfs, edgeDetect } from 'kapacitor-udf/udfs'; import { isUdfDefinition } from 'kapacitor-udf';" +
      'console.log(isUdfDefinition(edgeDetect), bundledUdfs.every(isUdfDefinition));';
    const args = ['--input-type=module', '--eval', script];
    expect(execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8' })).toBe('true true\n');
  });
});

describe('a project that checks the types of its packages', () => {
  /** What the compiler says of a file, with these packages' types and no others. */
  function compile(source: string, types: readonly string[]): string {
    writeFileSync(join(project, 'main.ts'), source);
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      target: 'es2023',
      lib: ['es2023'],
      module: 'nodenext',
      types,
      typeRoots: [join(root, 'node_modules', '@types')],
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
    try {
      return execFileSync(process.execPath, [tsc, '-p', '.'], { cwd: project, encoding: 'utf8' });
    } catch (reason) {
      return (reason as { stdout: string }).stdout;
    }
  }

  test('needs neither @types/node nor DOM types to write and serve UDFs', () => {
    const source = `
      import { createHost, createLogger, defineUdf, serve, serveStdio } from 'kapacitor-udf';
      import { edgeDetect } from 'kapacitor-udf/udfs';
      const mine = defineUdf({
        name: 'mine', wants: 'stream', provides: 'stream',
        async point(point, { emit, signal }) { if (!signal.aborted) emit(point); },
      });
      await serve([edgeDetect, mine], { socketDir: '/tmp/udf', logger: createLogger({ level: 'warn' }) });
      await serveStdio(mine);
      export const host = createHost({ sockets: [], logger: createLogger({ level: 'info', format: 'json' }) });
    `;
    expect(compile(source, [])).toBe('');
  });

  test('has the whole AbortSignal in handlers with @types/node, the test kit too', () => {
    const source = `
      import { defineUdf } from 'kapacitor-udf';
      import { runUdf } from 'kapacitor-udf/testkit';
      const mine = defineUdf({
        name: 'mine', wants: 'stream', provides: 'stream',
        async point(point, { signal }) { await fetch('http://localhost', { signal }); },
      });
      await runUdf(mine);
    `;
    expect(compile(source, ['node'])).toBe('');
  });
});
