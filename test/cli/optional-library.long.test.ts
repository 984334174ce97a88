import { expect, test } from 'vitest';
import { runCli } from '../support/spawn-cli.js';

/** An option of Node.js that replaces a package by a module with the given text. */
function replacing(name: string, source: string): string[] {
  const module = `data:text/javascript,${encodeURIComponent(source)}`;
  const hooks = `export const resolve = (specifier, context, next) =>
    specifier === '${name}' ? { url: ${JSON.stringify(module)}, shortCircuit: true } : next(specifier, context);`;
  const register = `import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}));`;
  return ['--import', `data:text/javascript,${encodeURIComponent(register)}`];
}

const notFound = (name: string): string =>
  `throw Object.assign(new Error("Cannot find package '${name}' imported from x"), { code: 'ERR_MODULE_NOT_FOUND' });`;

test.each([
  [
    'it throws',
    "throw new Error('not on\\n  this day');",
    1,
    'the Kafka client (@platformatic/kafka) is installed, but cannot be loaded: not on this day; install it anew: npm install @platformatic/kafka@1',
  ],
  [
    'its binary is for another Node.js',
    "throw Object.assign(new Error('wrong NODE_MODULE_VERSION'), { code: 'ERR_DLOPEN_FAILED' });",
    1,
    'npm rebuild @platformatic/kafka',
  ],
  ['a dependency of it is missing', notFound('fastq'), 1, "cannot be loaded: Cannot find package 'fastq'"],
  [
    'it is not installed',
    notFound('@platformatic/kafka'),
    2,
    'the Kafka client is not installed; install it beside kapacitor-udf',
  ],
])('a client library that cannot be loaded is named in one line: %s', async (_why, source, code, text) => {
  // prettier-ignore
  const args = ['kafka', 'mirror', '--brokers', '127.0.0.1:1', '--from', 'in', '--to', 'out', '--consumer-group', 'g']; // prettier-ignore
  const result = await runCli(args, { execArgv: replacing('@platformatic/kafka', source) });
  expect(result.code).toBe(code);
  const lines = result.stderr.trim().split('\n');
  expect(lines).toHaveLength(1);
  expect((JSON.parse(lines[0]!) as { readonly msg: string }).msg).toContain(text);
  expect(result.stderr).not.toContain('    at ');
});
