import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../../dist/src/cli/main.js', import.meta.url));

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
