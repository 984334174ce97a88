import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { echoAgent } from './agents.mjs';

const source = (name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * What everything is compared with: a minimal echo agent, in C where there is a compiler, else in Node.
 *
 * @param {string} directory Where to build it.
 * @returns {{ agent: import('./agents.mjs').Agent, kind: string }}
 */
export function createYardstick(directory) {
  const binary = join(directory, 'echo');
  try {
    execFileSync('cc', ['-O2', '-o', binary, source('echo.c')], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (reason) {
    if (reason.code !== 'ENOENT') throw reason; // a compiler that fails is a mistake of ours, to be seen
    return { agent: echoAgent('yardstick', process.execPath, [source('echo.mjs')]), kind: 'Node echo agent' };
  }
  return { agent: echoAgent('yardstick', binary, []), kind: 'C echo agent' };
}
