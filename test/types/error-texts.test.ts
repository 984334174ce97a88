import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

// What an author reads when a definition does not compile: it must name the mistake, not the other kinds of UDF.

const root = fileURLToPath(new URL('../../', import.meta.url));
const head = `import { defineUdf } from 'kapacitor-udf';\n`;
const stream = `name: 'a', wants: 'stream', provides: 'stream'`;
const batch = `name: 'a', wants: 'batch', provides: 'batch'`;

const cases: Readonly<Record<string, readonly [source: string, ...texts: string[]]>> = {
  'a misspelt handler of a stream': [`${stream}, pont: () => undefined`, "Did you mean to write 'point'?"],
  'a misspelt handler of batches': [`${batch}, bach: () => undefined`, "Did you mean to write 'batch'?"],
  'a misspelt key': [`${stream}, optoins: {}, point: (p) => p`, "Did you mean to write 'options'?"],
  'no handler': [stream, "Property 'point' is missing"],
  'a number that is returned': [
    `${stream}, point: () => 5`,
    "Type 'number' is not assignable to type 'HandlerResult<Point>'",
  ],
  'a number that is returned by accident': [
    `${stream}, state: () => ({ all: [1] }), point: (_p, { state }) => state.all.push(1)`,
    "Type 'number' is not assignable to type 'HandlerResult<Point>'",
  ],
  'a promise of text': [
    `${stream}, point: async () => Promise.resolve('x')`,
    "Type 'Promise<string>' is not assignable to type 'HandlerResult<Point>'",
  ],
  'a point that is returned where a batch is provided': [
    `${batch}, batch: (b) => b.points[0]!`,
    "Type 'BatchPoint' is missing the following properties from type 'Batch'",
  ],
  'a state that is no object': [
    `${stream}, state: () => 0, point: (p) => p`,
    "Type 'number' is not assignable to type 'StateObject'",
  ],
  'an async check': [
    `${stream}, check: async () => Promise.resolve([]), point: (p) => p`,
    "Type 'Promise<never[]>'",
  ],
  'an edge that is none': [
    `name: 'a', wants: 'points', provides: 'stream', point: () => undefined`,
    `Type '"points"' is not assignable to type 'EdgeType'`,
  ],
};

function errorsOf(sources: ReadonlyMap<string, string>): Map<string, string> {
  const config = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const original = ts.createCompilerHost(options);
  host.fileExists = (path) => sources.has(path) || original.fileExists(path);
  host.readFile = (path) => sources.get(path) ?? original.readFile(path);
  host.getSourceFile = (path, language, ...rest) => {
    const source = sources.get(path);
    if (source !== undefined) return ts.createSourceFile(path, source, language);
    return original.getSourceFile(path, language, ...rest);
  };
  const program = ts.createProgram([...sources.keys()], { ...options, noEmit: true }, host);
  const texts = new Map<string, string>();
  for (const path of sources.keys()) {
    const diagnostics = program.getSemanticDiagnostics(program.getSourceFile(path));
    texts.set(
      path,
      diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')).join('\n'),
    );
  }
  return texts;
}

describe('the compiler says of', () => {
  const paths = new Map(
    Object.keys(cases).map((what, index) => [what, `${root}test/types/case-${index}.ts`]),
  );
  const sources = new Map(
    Object.entries(cases).map(([what, [source]]) => [paths.get(what)!, `${head}defineUdf({ ${source} });\n`]),
  );
  let errors: Map<string, string> | undefined;

  test.each(Object.entries(cases))('%s', { timeout: 120_000 }, (what, [, ...texts]) => {
    errors ??= errorsOf(sources);
    const text = errors.get(paths.get(what)!)!;
    for (const expected of texts) expect(text).toContain(expected);
    expect(text).not.toContain('No overload matches');
    expect(text).not.toContain(`'"stream"' is not assignable to type '"batch"'`);
  });
});
