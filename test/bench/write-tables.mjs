import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { format, resolveConfig } from 'prettier';

const start = '<!-- bench:start -->';
const end = '<!-- bench:end -->';

/** Puts results in the place of those that a page has between its marks. Throws if it has none. */
export async function writeTables(page, results) {
  const text = readFileSync(page, 'utf8');
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`${basename(page)} has no ${start} with ${end} behind it: add both, each on a line`);
  const changed = `${text.slice(0, from)}${start}\n\n${results}\n\n${text.slice(to)}`;
  const style = await resolveConfig(page);
  writeFileSync(page, await format(changed, { ...style, filepath: page }));
}
