import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that this package lies in. */
export const packageFolder = fileURLToPath(new URL('../../../', import.meta.url));

const main = join(packageFolder, 'dist/src/cli/main.js');

/** How to run this package's own command as it is built: the program, then its first argument. */
export function cliCommand(): readonly [string, string] {
  if (!existsSync(main))
    throw new Error(`${main} is missing; npm test builds it first, so does npm run ready`);
  return [process.execPath, main];
}

/** What the command prints. Throws if it fails. */
export function cliOutput(...args: readonly string[]): string {
  const [node, script] = cliCommand();
  return execFileSync(node, [script, ...args], { encoding: 'utf8' });
}
