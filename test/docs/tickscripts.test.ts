import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { readTickscript, type ScriptNode } from '../../src/kapacitor/tickscript.js';
import { parseOptionChain } from '../../src/peer/tickscript-options.js';
import { isUdfDefinition, type UdfDefinition } from '../../src/udf/definition.js';
import { resolveOptions } from '../../src/udf/resolve-options.js';
import { bundledUdfs } from '../../udfs/index.js';
import { tempDirForFile } from '../support/temp-dir.js';

import {
  codeBlocks,
  type CodeBlock,
  pages,
  placeOf,
  tickscripts,
  writeProject,
} from './support/code-blocks.js';

/** The UDFs that a page defines in its TypeScript, by page. */
const ownUdfs = new Map<string, UdfDefinition[]>();
const projects = tempDirForFile();

beforeAll(async () => {
  for (const page of pages) {
    const modules: string[] = [];
    writeProject(join(projects, page.replace(/\W/g, '-')), page, ({ text }, file) => {
      if (!/^export default defineUdf\(/m.test(text)) return;
      const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
      const compiled = file.replace(/\.ts$/, '.js');
      writeFileSync(compiled, ts.transpileModule(text, { compilerOptions }).outputText);
      modules.push(compiled);
    });
    for (const file of modules) {
      const module = (await import(pathToFileURL(file).href)) as { readonly default: unknown };
      if (isUdfDefinition(module.default)) ownUdfs.set(page, [...(ownUdfs.get(page) ?? []), module.default]);
    }
  }
}, 60_000);

/** The problems that the agent would answer to `init`; a UDF that is defined nowhere is one too. */
function problemsOf(node: ScriptNode, { page, text }: CodeBlock): readonly string[] {
  const udfs = [...bundledUdfs, ...(ownUdfs.get(page) ?? [])];
  const udf = udfs.find(({ name }) => name === node.name);
  if (!udf) return [`there is no UDF @${node.name}()`];
  const calls = node.properties.flatMap(({ start, end }) => parseOptionChain(text.slice(start, end)));
  return resolveOptions(udf.options, calls, udf.handlers.check).problems.map(
    (problem) => `@${udf.name}: ${problem}`,
  );
}

describe('the TICKscripts of the documentation', () => {
  test.each(tickscripts.map((block) => ({ place: placeOf(block), block })))('$place is one', ({ block }) => {
    const { type, nodes } = readTickscript(block.text);
    expect(type).toMatch(/^(stream|batch)$/);
    expect(nodes.length).toBeGreaterThan(1);
    const udfs = nodes.filter(({ udf }) => udf);
    expect(udfs.length).toBeGreaterThan(0);
    expect(udfs.flatMap((node) => problemsOf(node, block))).toEqual([]);
    const wanted = [...bundledUdfs, ...(ownUdfs.get(block.page) ?? [])].find(
      ({ name }) => name === udfs[0]!.name,
    )!;
    if (udfs.length === 1 && nodes.findIndex(({ udf }) => udf) <= 1) expect(wanted.wants).toBe(type);
  });

  test('call options as the agent takes them', () => {
    const text = "stream|from()@movingAverage().field('x').size(1.0).sise(3)";
    const [node] = readTickscript(text).nodes.filter(({ udf }) => udf);
    expect(problemsOf(node!, { page: 'README.md', line: 1, language: 'js', text })).toEqual([
      '@movingAverage: .size() takes an int (10), got a double (1.0) 1.0',
      '@movingAverage: one of .size() or .period() is required',
      '@movingAverage: unknown option .sise() (did you mean .size()?)',
    ]);
  });

  test('are there', () => {
    expect(tickscripts.length).toBeGreaterThan(5);
    expect(codeBlocks.length).toBeGreaterThan(tickscripts.length);
  });
});
