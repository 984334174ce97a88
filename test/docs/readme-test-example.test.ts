import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { expect, test } from 'vitest';
import { tempDir } from '../support/temp-dir.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** With Node's own test runner, since one that is within another is none of ours. */
test("the README's unit test passes with the README's UDF", () => {
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, source]) => source!);
  const directory = tempDir();
  const compile = (name: string, source: string): void => {
    const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2023 };
    const { outputText } = transpileModule(source.replace("from 'vitest'", "from 'node:test'"), {
      compilerOptions,
    });
    writeFileSync(join(directory, name), outputText);
  };
  compile(
    'rate-limit.js',
    blocks.find((block) => block.startsWith('// rate-limit.ts'))!,
  );
  compile(
    'rate-limit.test.js',
    blocks.find((block) => block.startsWith('// rate-limit.test.ts'))!,
  );
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(root, join(directory, 'node_modules', 'kapacitor-udf'), 'dir');
  const told = execFileSync(process.execPath, ['--test', '--test-reporter=tap', 'rate-limit.test.js'], {
    cwd: directory,
    encoding: 'utf8',
  });
  expect(told).toContain('# pass 1');
});
