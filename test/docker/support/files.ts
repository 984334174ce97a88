import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

const root = new URL('../../../', import.meta.url);

/** Where a file of this repository lies. */
export const pathOf = (name: string): string => fileURLToPath(new URL(name, root));

export const text = (name: string): string => readFileSync(pathOf(name), 'utf8');

/** A YAML file with its anchors and merges carried out. Its shape is for the caller to know. */
export const yaml = (name: string): unknown => parse(text(name), { merge: true, logLevel: 'error' }); // !override is Compose's own

/** The same for a file of several documents. Throws for one with a mistake in it. */
export function yamlDocuments(name: string): unknown[] {
  return parseAllDocuments(text(name)).map((document) => {
    if ('errors' in document && document.errors.length > 0) throw document.errors[0]!;
    return document.toJS() as unknown;
  });
}
