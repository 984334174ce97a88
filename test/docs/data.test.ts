import { parse as parseToml } from 'smol-toml';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { openRecording, type ReadOptions } from '../../src/testkit/index.js';
import { findExecutable } from '../support/find-executable.js';
import { tempDir } from '../support/temp-dir.js';
import { type CodeBlock, codeBlocks, placeOf } from './support/code-blocks.js';

/** Reads a block as a recording in the format of that name. */
async function readPoints(text: string, extension: string, options: ReadOptions = {}): Promise<void> {
  const file = join(tempDir(), `points.${extension}`);
  writeFileSync(file, text);
  let count = 0;
  for await (const items of await openRecording(file, options)) count += items.length;
  expect(count).toBeGreaterThan(0);
}

/** How docs/green-button.md says that a utility's export is read. */
const utilityExport: ReadOptions = {
  timeColumn: ['DATE', 'START TIME'],
  timeZone: 'America/New_York',
  measurement: 'electricity',
  tagColumns: ['TYPE'],
  thousands: ',',
};

function csvOptionsOf(text: string): ReadOptions {
  if (text.includes('START TIME')) return utilityExport;
  return text.startsWith('Energy Usage') ? { timeZone: 'America/Los_Angeles' } : {};
}

/** How a block of each language is checked; those of ts, js and sh have tests of their own. */
const checks: Readonly<Record<string, (text: string) => void | Promise<void>>> = {
  json: (text) => void JSON.parse(text),
  toml: (text) => void parseToml(text),
  yaml: (text) => {
    for (const document of parseAllDocuments(text))
      expect('errors' in document ? document.errors : []).toEqual([]);
  },
  ndjson: (text) => readPoints(text, 'jsonl'),
  csv: (text) => readPoints(text, 'csv', csvOptionsOf(text)),
  lp: (text) => readPoints(text, 'lp'),
  go: (text) => {
    run('GOFMT', 'gofmt', '-e', text);
  },
  python: (text) => {
    run('PYTHON', 'python3', '-', `import ast\nast.parse(${JSON.stringify(text)})\n`);
  },
};

/** Gives a text to a tool; where it is not installed, there is nothing to check with. */
function run(variable: string, tool: string, option: string, input: string): void {
  const path = findExecutable(variable, tool);
  if (path !== undefined) execFileSync(path, [option], { input, stdio: ['pipe', 'ignore', 'pipe'] });
}

const elsewhere = ['ts', 'js', 'sh'];
/** Diagrams, trees and output of programs: nothing can check them, so each says what it is. */
const prose = ['text'];

describe('the blocks of data of the documentation', () => {
  const blocks = codeBlocks.filter(({ language }) => language in checks);
  const cases = blocks.map((block) => ({ place: placeOf(block), ...block }));

  test.each(cases)('$place is $language', async ({ language, text }: CodeBlock) => {
    await checks[language]!(text);
  });

  test('name a language, which a test checks', () => {
    const known = [...Object.keys(checks), ...elsewhere, ...prose];
    expect(codeBlocks.filter(({ language }) => !known.includes(language)).map(placeOf)).toEqual([]);
  });
});
