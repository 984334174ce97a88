import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of this package. */
export const packageRoot = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Installs this package in a directory as npm would, from its archive and without a network. `packages` are linked from this
 * checkout, with their commands. Returns the directory of the installed package.
 */
export function installPackage(directory: string, packages: readonly string[] = []): string {
  const modules = join(directory, 'node_modules');
  const installed = join(modules, 'kapacitor-udf');
  mkdirSync(installed, { recursive: true });
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory], {
    cwd: packageRoot,
  });
  const [archive] = readdirSync(directory).filter((file) => file.endsWith('.tgz'));
  execFileSync('tar', ['-xzf', join(directory, archive!), '-C', installed, '--strip-components=1']);
  symlinkSync(join(packageRoot, 'node_modules'), join(installed, 'node_modules'), 'dir');
  for (const name of packages) {
    mkdirSync(join(modules, name, '..'), { recursive: true });
    symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name), 'dir');
  }
  const commands = join(modules, '.bin');
  mkdirSync(commands);
  symlinkSync('../kapacitor-udf/dist/src/cli/main.js', join(commands, 'kapacitor-udf'));
  for (const [command, file] of Object.entries({ tsc: 'typescript/bin/tsc', vitest: 'vitest/vitest.mjs' })) {
    symlinkSync(join(packageRoot, 'node_modules', file), join(commands, command));
  }
  return installed;
}
