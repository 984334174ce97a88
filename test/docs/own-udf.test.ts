import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runCli } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const source = /```ts\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? '';

/** A directory with one file in it. */
function project(file: string, text: string): string {
  const directory = tempDir();
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(directory, file), text);
  return directory;
}

async function isHosted(directory: string): Promise<void> {
  const args = ['list', 'rateLimit', '--load', './rate-limit.js'];
  const { code, stdout, stderr } = await runCli(args, { cwd: directory });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('.interval(duration)');
}

describe("the README's UDF", () => {
  test('compiles in a project of its own, and is hosted', async () => {
    const directory = project('rate-limit.ts', source);
    mkdirSync(join(directory, 'node_modules'));
    symlinkSync(root, join(directory, 'node_modules', 'kapacitor-udf'), 'dir'); // as npm installs a directory
    execFileSync(process.execPath, [tsc, '--init'], { cwd: directory });
    execFileSync(process.execPath, [tsc], { cwd: directory });
    await isHosted(directory);
  });

  test('is hosted as JavaScript with nothing installed beside it', async () => {
    await isHosted(project('rate-limit.js', source.replace(' as bigint | null', '')));
  });
});
