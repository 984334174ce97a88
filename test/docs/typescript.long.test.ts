import { spawnSync } from 'node:child_process';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { tempDirForFile } from '../support/temp-dir.js';
import { pages, root, sourcesOf, writeProject } from './support/code-blocks.js';

const withSources = pages.filter((page) => sourcesOf(page).length > 0);
const projects = tempDirForFile();
const directoryOf = (page: string): string => join(projects, page.replace(/\W/g, '-'));

/** The compiler's options of this project, which are those of a strict one; the package is taken as it is built. */
function compilerOptions(): ts.CompilerOptions {
  const file = join(root, 'tsconfig.json');
  const { config } = ts.readConfigFile(file, (path) => readFileSync(path, 'utf8')) as {
    readonly config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  // Blocks are outside of this project's directory.
  delete options.rootDir;
  delete options.outDir;
  return {
    ...options,
    noEmit: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    // Blocks without an import are modules too. JavaScript is checked as TypeScript is.
    moduleDetection: ts.ModuleDetectionKind.Force,
    allowJs: true,
    checkJs: true,
    noImplicitAny: true,
    typeRoots: [join(root, 'node_modules', '@types')],
  };
}

/** A file in the report of the runner; `message` is what kept it from running. */
interface TestFile {
  readonly name: string;
  readonly message: string;
  readonly assertionResults: readonly { readonly failureMessages: readonly string[] }[];
}

const files: string[] = [];

beforeAll(() => {
  for (const page of withSources) {
    writeProject(directoryOf(page), page, (block, file) => {
      // Empty lines in front keep the page's line numbers in messages.
      writeFileSync(file, '\n'.repeat(block.line) + block.text);
      files.push(file);
    });
  }
});

describe('the TypeScript of the documentation', () => {
  test('compiles with strict settings', () => {
    const program = ts.createProgram(files, compilerOptions());
    const problems = ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
      const place = file
        ? `${relative(projects, file.fileName)}:${file.getLineAndCharacterOfPosition(start).line + 1}`
        : '';
      return `${place}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
    expect(problems).toEqual([]);
    expect(files.length).toBeGreaterThan(3);
  }, 60_000);

  test('has unit tests that pass', () => {
    // A runner within another one: it must not take the outer one's settings for its own.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')),
    );
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const { stdout, stderr } = spawnSync(process.execPath, [vitest, 'run', '--reporter=json'], {
      cwd: projects,
      env,
      encoding: 'utf8',
    });
    expect(stdout, stderr).toMatch(/^\{/);
    const { testResults } = JSON.parse(stdout) as { readonly testResults: readonly TestFile[] };
    const failures = testResults.flatMap(({ name, message, assertionResults }) => [
      ...(message === '' ? [] : [`${name}: ${message}`]),
      ...assertionResults.flatMap(({ failureMessages }) => failureMessages),
    ]);
    expect(failures).toEqual([]);
    const ran = testResults.map(({ name }) => relative(realpathSync(projects), name)).sort();
    const expected = files
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => relative(projects, file));
    expect(ran).toEqual(expected.sort());
    expect(ran).not.toEqual([]);
  }, 60_000);
});
