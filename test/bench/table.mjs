/** `npm run bench:table -- FILE`: puts the results of `npm run bench -- --json FILE` into docs/performance.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { resultTables } from './tables.mjs';

const page = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));
const start = '<!-- bench:start -->';
const end = '<!-- bench:end -->';

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
  const text = readFileSync(page, 'utf8');
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`docs/performance.md has no ${start} with ${end} behind it: add both, each on a line`);
  const changed = `${text.slice(0, from)}${start}\n\n${resultTables(run)}\n\n${text.slice(to)}`;
  const style = await resolveConfig(page);
  writeFileSync(page, await format(changed, { ...style, filepath: page }));
}

await main().catch((reason) => {
  process.stderr.write(`${reason.message}\n`);
  process.exitCode = 1;
});
