// Compiles src and udfs into dist, beside what is read at run time: the schema, the bundled models, and the parts of pages.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';

const root = new URL('../', import.meta.url);
const { resolve } = createRequire(import.meta.url);
let tsc;
try {
  tsc = resolve('typescript/bin/tsc');
} catch {
  process.stderr.write(
    'the packages are not installed: run `npm ci` first, or `npm run ready`, which does both\n',
  );
  process.exit(1);
}
rmSync(new URL('dist', root), { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
for (const folder of [
  'src/files/assets',
  'src/replay/page/assets',
  'src/host/http/assets',
  'src/demo/meters/assets',
  'udfs/predict/models',
  'proto',
]) {
  cpSync(new URL(folder, root), new URL(`dist/${folder}`, root), { recursive: true });
}
chmodSync(new URL('dist/src/cli/main.js', root), 0o755);
