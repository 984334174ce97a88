import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { bundledUdfs } from '../../udfs/index.js';
import { isUdfDefinition } from '../../src/index.js';
import { runCli } from '../support/spawn-cli.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const names = readdirSync(`${root}examples`)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));
const tests = readdirSync(`${root}test/examples`);

describe.each(names)('the example %s', (name) => {
  const source = readFileSync(`${root}examples/${name}.ts`, 'utf8');

  test('has at most 60 lines, imports the public face only, and says how a TICKscript uses it', () => {
    expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
    const imports = [...source.matchAll(/^import .* from '(.*)';$/gm)].map(([, from]) => from);
    expect(imports).toEqual(['kapacitor-udf']);
    const { name: udf } = /^ {2}name: '(?<name>.*)',$/m.exec(source)!.groups!;
    expect(source).toMatch(new RegExp(`^// .*\\n(//.*\\n)*// +@${udf}\\(\\)`, 'm'));
  });

  test('has a test, and a line in the list', () => {
    expect(tests).toContain(`${name}.test.ts`);
    expect(readFileSync(`${root}examples/README.md`, 'utf8')).toContain(`](${name}.ts)`);
  });

  test('exports a UDF', async () => {
    const { default: udf } = (await import(`../../examples/${name}.ts`)) as { readonly default: unknown };
    expect(isUdfDefinition(udf)).toBe(true);
  });
});

test('all examples can be hosted together, as they are', async () => {
  const modules = names.map((name) => `${root}examples/${name}.ts`);
  const { code, stdout } = await runCli(['list', '--json', '--load', ...modules]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toHaveLength(bundledUdfs.length + names.length);
});
