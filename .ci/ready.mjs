// Makes a checkout ready to run: installs the locked packages and builds, each only when something changed.
// `npm run demo` and `npm test` begin here, so that either works by itself in a fresh clone.
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const modified = (path) => (existsSync(root + path) ? statSync(root + path).mtimeMs : 0);
const newest = (folder) =>
  Math.max(
    ...readdirSync(root + folder, { withFileTypes: true }).map((entry) =>
      entry.isDirectory() ? newest(`${folder}/${entry.name}`) : modified(`${folder}/${entry.name}`),
    ),
    modified(folder),
  );
const say = (text) => process.stderr.write(`${text}\n`);

// `npm ci` would empty the folder that a link leads to, which belongs to another checkout.
const isLinked = lstatSync(`${root}node_modules`, { throwIfNoEntry: false })?.isSymbolicLink();
if (!isLinked && modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
  say('installing packages (npm ci) ...');
  // npm sets its own path in the environment of the scripts it runs; calling it through node works on every platform.
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  if (npm) execFileSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 2, 2] });
  else execFileSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
}

const sources = Math.max(
  newest('src'),
  newest('udfs'),
  newest('proto'),
  modified('tsconfig.json'),
  modified('package.json'),
);
if (modified('dist/proto') < sources) {
  say('building ...');
  execFileSync(process.execPath, [root + '.ci/build.mjs'], { cwd: root, stdio: ['ignore', 2, 2] });
}
