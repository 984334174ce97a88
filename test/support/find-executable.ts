import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that a test needs: the variable's value, else the first of these names on the PATH. */
export function findExecutable(variable: string, ...names: readonly string[]): string | undefined {
  const configured = process.env[variable];
  if (configured) {
    // The variable requests the tests: skipping them because of a typo would go unnoticed.
    if (!isExecutable(configured))
      throw new Error(`${variable} names ${configured}, which is not an executable file`);
    return configured;
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
