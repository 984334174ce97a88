import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const head = `import { defineUdf } from 'kapacitor-udf';\n`;
const stream = `name: 'a', wants: 'stream', provides: 'stream'`;
const batch = `name: 'a', wants: 'batch', provides: 'batch'`;

/** Definitions that must not compile, and what the compiler must say of each. */
const mistakes: Readonly<Record<string, readonly [source: string, ...texts: string[]]>> = {
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
  'an order that is none': [
    `${stream}, concurrency: 2, ordered: 'none', point: (p) => p`,
    `Type '"none"' is not assignable to type 'CallOrder'`,
  ],
  'a concurrency that is text': [
    `${stream}, concurrency: '2', point: (p) => p`,
    `Type 'string' is not assignable to type 'number'`,
  ],
  'an edge that is none': [
    `name: 'a', wants: 'points', provides: 'stream', point: () => undefined`,
    `Type '"points"' is not assignable to type 'EdgeType'`,
  ],
};

const caseSources = new Map(
  Object.entries(mistakes).map(([what, [source]], index) => [
    what,
    { path: `${root}test/types/mistake-${index}.ts`, source: `${head}defineUdf({ ${source} });\n` },
  ]),
);
const typeTests = readdirSync(`${root}test/types`).filter((file) => file.endsWith('.test-d.ts'));

/** A program of the type tests and of the mistakes, which are in no file. */
function createProgram(): ts.Program {
  const sources = new Map(Array.from(caseSources.values(), ({ path, source }) => [path, source]));
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
  const files = [...typeTests.map((file) => `${root}test/types/${file}`), ...sources.keys()];
  return ts.createProgram(files, { ...options, noEmit: true }, host);
}

let program: ts.Program;

beforeAll(() => {
  program = createProgram();
}, 120_000);

/** The compiler's errors in a file. */
function errorsIn(path: string): string {
  const source = program.getSourceFile(path);
  const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')).join('\n');
}

// `expectTypeOf` and `@ts-expect-error` are errors of the compiler where they fail.
test.each(typeTests)('%s compiles', { timeout: 120_000 }, (file) => {
  expect(program.getSourceFile(`${root}test/types/${file}`)?.text).toContain('expectTypeOf(');
  expect(errorsIn(`${root}test/types/${file}`)).toBe('');
});

// An author must read the mistake, not what the other kinds of UDF look like.
describe('the compiler says of', () => {
  test.each(Object.entries(mistakes))('%s', { timeout: 120_000 }, (what, [, ...texts]) => {
    const text = errorsIn(caseSources.get(what)!.path);
    for (const expected of texts) expect(text).toContain(expected);
    expect(text).not.toContain('No overload matches');
    expect(text).not.toContain(`'"stream"' is not assignable to type '"batch"'`);
  });
});
