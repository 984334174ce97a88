// Checks the package as npm would publish it: what its package.json promises is there (publint), and TypeScript finds its
// types in every way of resolving modules that can import ES modules (are the types wrong).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'package-'));
try {
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', temporary], {
    cwd: root,
    stdio: ['ignore', 'ignore', 2],
  });
  const archive = join(temporary, readdirSync(temporary)[0]);
  check('publint', 'publint/src/cli.js', ['run', archive, '--strict']);
  check('attw', '@arethetypeswrong/cli/dist/index.js', [
    archive,
    '--profile',
    'esm-only',
    '--format',
    'ascii',
  ]);
} finally {
  rmSync(temporary, { recursive: true, force: true });
}

/** Runs a checker; shows what it says only if it fails, which ends this program. */
function check(name, file, args) {
  try {
    execFileSync(process.execPath, [join(root, 'node_modules', file), ...args], {
      cwd: root,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch ({ stdout, stderr }) {
    process.stderr.write(`${name}:\n${stdout}${stderr}`);
    process.exitCode = 1;
  }
}
