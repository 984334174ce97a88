/**
 * `npm run docs` builds the site into docs/.vitepress/dist; `npm run docs:dev` serves it, and again after each change
 * of a page. Both install the site's packages (docs/package.json) if need be and generate the API reference.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const docs = fileURLToPath(new URL('./', import.meta.url));
const modified = (path) => (existsSync(docs + path) ? statSync(docs + path).mtimeMs : 0);

function run(command, args) {
  execFileSync(command, args, { cwd: docs, stdio: 'inherit' });
}

/** Runs the command of an installed package. */
function runPackage(script, ...args) {
  run(process.execPath, [`${docs}node_modules/${script}`, ...args]);
}

if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
  process.stderr.write("installing the site's packages (npm ci in docs) ...\n");
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  if (npm) run(process.execPath, [npm, ...args]);
  else run('npm', args);
}

// A page of what has been removed from the API would stay.
rmSync(`${docs}api`, { recursive: true, force: true });
runPackage('typedoc/bin/typedoc');
const [mode = 'build'] = process.argv.slice(2);
runPackage('vitepress/bin/vitepress.js', mode);
