import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The servers that these tests run, by the environment variable that may name each one's binary. */
const servers = { KAPACITORD: 'kapacitord', INFLUXD: 'influxd' } as const;

export type ServerVariable = keyof typeof servers;

/** A server's binary: what its variable names, else the first one on the PATH; `undefined` if there is none. */
export function findServer(variable: ServerVariable): string | undefined {
  const named = process.env[variable];
  if (named) {
    // Somebody wants the tests to run: skipping them because of a typing error would hide that they did not.
    if (!isExecutable(named)) throw new Error(`${variable} names ${named}, which is not an executable file`);
    return named;
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, servers[variable])).find(isExecutable);
}

/** The binary of a server that is known to be there. */
export function serverPath(variable: ServerVariable): string {
  const path = findServer(variable);
  if (path === undefined) throw new Error(howToGive([variable]));
  return path;
}

/** Whether a suite's servers are missing, and its title, which then says so. */
export function needs(
  suite: string,
  needed: readonly ServerVariable[],
): { readonly missing: boolean; readonly title: string } {
  const missing = missingServers(needed);
  if (missing.length === 0) return { missing: false, title: suite };
  return { missing: true, title: `${suite} (skipped: ${howToGive(missing)})` };
}

export function missingServers(needed: readonly ServerVariable[]): ServerVariable[] {
  return needed.filter((variable) => findServer(variable) === undefined);
}

/** What is missing, and what to do about it, in one line. */
export function howToGive(missing: readonly ServerVariable[]): string {
  const names = missing.map((variable) => servers[variable]).join(' and ');
  const settings = missing.map((variable) => `${variable}=/path/to/${servers[variable]}`).join(' ');
  return `${names} not found on the PATH; to run the tests against real servers, set ${settings}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
