import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that a test needs: what the variable names, else the first of these names on the PATH. */
export function findExecutable(variable: string, ...names: readonly string[]): string | undefined {
  const named = process.env[variable];
  if (named) {
    // Somebody wants the tests to run: skipping them because of a typing error would hide that they did not.
    if (!isExecutable(named)) throw new Error(`${variable} names ${named}, which is not an executable file`);
    return named;
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
