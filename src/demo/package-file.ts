import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** A file of the package, wherever it is installed; the package finds itself by its own name. */
export function packageFile(...path: readonly string[]): string {
  const root = dirname(createRequire(import.meta.url).resolve('kapacitor-udf/package.json'));
  return join(root, ...path);
}
