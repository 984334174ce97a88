// Prepares a release: everything but publishing it.
//
//   npm run release -- 1.0.0 [--dry-run] [--skip-verify]
//
// Checks the work tree, the version and the changelog, runs `npm run verify` (unless CI has for this very commit), writes the
// version into package.json, package-lock.json and CHANGELOG.md, packs, commits and tags. With --dry-run it checks, verifies
// and packs, and leaves everything as it was.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = process.env.RELEASE_ROOT ?? fileURLToPath(new URL('../', import.meta.url));
const say = (text) => process.stdout.write(`${text}\n`);
const read = (file) => readFileSync(join(root, file), 'utf8');
const run = (command, args, stdio = 'inherit') =>
  execFileSync(command, args, { cwd: root, stdio, encoding: 'utf8' });
const git = (...args) => run('git', args, ['ignore', 'pipe', 'pipe']).trim();

class Refusal extends Error {}

/** Compares versions by their numbers; a pre-release such as 1.0.0-rc.1 comes before 1.0.0. */
function isNewer(version, old) {
  const order = (text) => {
    const [numbers, pre] = text.split('-');
    return [
      ...numbers.split('.').map(Number),
      pre === undefined ? 1 : 0,
      ...(pre?.match(/\d+/g) ?? []).map(Number),
    ];
  };
  const [a, b] = [order(version), order(old)];
  const at = a.findIndex((part, index) => part !== b[index]);
  return at >= 0 && a[at] > (b[at] ?? -1);
}

/** The changelog with what is unreleased under the version and the date. */
function releasedChangelog(text, version, date) {
  const start = /^## Unreleased\n/m.exec(text);
  if (!start) throw new Refusal('CHANGELOG.md has no section "## Unreleased"');
  const rest = text.slice(start.index + start[0].length);
  const section = rest.split(/^## /m)[0];
  if (!/^- /m.test(section)) throw new Refusal('CHANGELOG.md has nothing under "## Unreleased"');
  return `${text.slice(0, start.index)}${start[0]}\n## ${version} - ${date}\n${rest}`;
}

/** package.json or package-lock.json with another version of this package, and nothing else changed. */
function withVersion(text, old, version) {
  const count = text.includes('"lockfileVersion"') ? 2 : 1; // a lock file has it for the root package too
  let found = 0;
  const changed = text.replaceAll(`"version": "${old}"`, (match) =>
    found++ < count ? `"version": "${version}"` : match,
  );
  if (found < count) throw new Refusal(`the version ${old} is not where it should be`);
  return changed;
}

function release() {
  const { values, positionals } = parseArgs({
    options: { 'dry-run': { type: 'boolean' }, 'skip-verify': { type: 'boolean' } },
    allowPositionals: true,
  });
  const [version, ...others] = positionals;
  if (version === undefined || others.length > 0) {
    throw new Refusal('give the version: npm run release -- 1.0.0 [--dry-run] [--skip-verify]');
  }
  if (!/^\d+\.\d+\.\d+(-rc\.\d+)?$/.test(version)) {
    throw new Refusal(`"${version}" is no version; write it as 1.2.3 or 1.2.3-rc.1`);
  }
  const { version: old } = JSON.parse(read('package.json'));
  if (!isNewer(version, old)) throw new Refusal(`${version} is not newer than ${old}`);
  const tag = `v${version}`;
  if (git('status', '--porcelain') !== '')
    throw new Refusal('the work tree has changes that are not committed');
  if (git('branch', '--show-current') !== 'main') throw new Refusal('a release is made on the branch main');
  if (git('tag', '--list', tag) !== '') throw new Refusal(`there is a tag ${tag} already`);
  const files = {
    'package.json': withVersion(read('package.json'), old, version),
    'package-lock.json': withVersion(read('package-lock.json'), old, version),
    'CHANGELOG.md': releasedChangelog(read('CHANGELOG.md'), version, new Date().toISOString().slice(0, 10)),
  };
  if (!values['skip-verify']) run('npm', ['run', '--silent', 'verify']);
  const originals = Object.keys(files).map((file) => [file, read(file)]);
  const writeAll = (entries) => entries.forEach(([file, text]) => writeFileSync(join(root, file), text));
  let isDone = false;
  try {
    writeAll(Object.entries(files));
    const dryRun = values['dry-run'] ? ['--dry-run'] : [];
    const [{ filename, size }] = JSON.parse(
      run('npm', ['pack', '--ignore-scripts', '--json', ...dryRun], ['ignore', 'pipe', 'inherit']),
    );
    say(`${filename}: ${Math.round(size / 1024)} KiB`);
    if (values['dry-run']) {
      say(`dry run: would commit ${Object.keys(files).join(', ')} as "Release ${version}" and tag it ${tag}`);
      return;
    }
    git('commit', '--quiet', '--message', `Release ${version}`, '--', ...Object.keys(files));
    git('tag', '--annotate', tag, '--message', `kapacitor-udf ${version}`);
    isDone = true;
    say(`committed and tagged ${tag}; to publish:\n  git push --follow-tags\n  npm publish ${filename}`);
  } finally {
    if (!isDone) writeAll(originals);
  }
}

try {
  release();
} catch (reason) {
  if (!(reason instanceof Refusal)) throw reason;
  process.stderr.write(`not released: ${reason.message}\n`);
  process.exitCode = 1;
}
