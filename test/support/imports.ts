import { posix } from 'node:path';
import ts from 'typescript';

/** How a module is imported: `type` leaves no trace at run time, `dynamic` loads it only when that line is reached. */
export type ImportKind = 'static' | 'type' | 'dynamic';

export interface Import {
  readonly from: string;
  /** A source file's path, or the name of a package or of Node's own module. */
  readonly to: string;
  readonly kind: ImportKind;
}

/** Source texts by their path from the project's root, as `src/index.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** The names under which this package imports itself. */
const ownNames: ReadonlyMap<string, string> = new Map([
  ['kapacitor-udf', 'src/index.ts'],
  ['kapacitor-udf/testkit', 'src/testkit/index.ts'],
]);

/** Every import, re-export, `import('…')` and `import('…').Type` of the sources. */
export function importsOf(sources: Sources): Import[] {
  return [...sources].flatMap(([from, text]) => {
    const file = ts.createSourceFile(from, text, ts.ScriptTarget.Latest);
    const found: Import[] = [];
    const add = (specifier: ts.Node | undefined, kind: ImportKind): void => {
      if (specifier && ts.isStringLiteralLike(specifier)) {
        found.push({ from, to: resolve(from, specifier.text), kind });
      }
    };
    const visit = (node: ts.Node): void => {
      if (ts.isImportDeclaration(node)) {
        const isType = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
        add(node.moduleSpecifier, isType ? 'type' : 'static');
      } else if (ts.isExportDeclaration(node)) {
        add(node.moduleSpecifier, node.isTypeOnly ? 'type' : 'static');
      } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
        add(node.argument.literal, 'type');
      } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
        add(node.arguments[0], 'dynamic');
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
    return found;
  });
}

function resolve(from: string, specifier: string): string {
  if (specifier.startsWith('.')) {
    return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
  }
  const own = ownNames.get(specifier);
  if (own !== undefined) return own;
  return specifier.startsWith('@') ? specifier.split('/', 2).join('/') : specifier.split('/', 1)[0]!;
}

/** Each circle of imports once, as the files along it. */
export function circles(imports: readonly Import[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const found: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    for (const to of next.get(file) ?? []) walk(to);
    path.pop();
    done.add(file);
  };
  for (const file of next.keys()) walk(file);
  return found;
}

/** A way on which loading `entry` loads a file that `wanted` accepts, as the files along it; `undefined` if none. */
export function pathTo(
  imports: readonly Import[],
  entry: string,
  wanted: (file: string) => boolean,
): string[] | undefined {
  const paths = new Map([[entry, [entry]]]);
  for (const [file, path] of paths) {
    if (wanted(file)) return path;
    for (const { from, to, kind } of imports) {
      if (from === file && kind === 'static' && !paths.has(to)) paths.set(to, [...path, to]);
    }
  }
  return undefined;
}
