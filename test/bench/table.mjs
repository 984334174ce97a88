/** `npm run bench:table -- FILE`: puts the results of `npm run bench -- --json FILE` into docs/performance.md. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { resultTables } from './tables.mjs';
import { writeTables } from './write-tables.mjs';

const page = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

async function main() {
  const [file] = process.argv.slice(2);
  if (file === undefined)
    throw new Error('Usage: npm run bench:table -- FILE, as npm run bench -- --json FILE wrote it');
  const run = JSON.parse(readFileSync(file, 'utf8'));
  if (run.format !== 1) throw new Error(`${file} is not what npm run bench -- --json writes`);
  const failed = run.results.filter(({ error }) => error !== undefined);
  if (failed.length > 0) {
    throw new Error(`${failed.length} measurements of ${file} failed: measure again before publishing it`);
  }
  await writeTables(page, resultTables(run));
}

await main().catch((reason) => {
  process.stderr.write(`${reason.message}\n`);
  process.exitCode = 1;
});
