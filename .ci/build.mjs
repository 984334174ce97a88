// Compiles src and udfs into dist, beside what is read at run time: the schema, and the parts of the replay page.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';

const root = new URL('../', import.meta.url);
rmSync(new URL('dist', root), { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
for (const folder of ['src/testkit/page/assets', 'proto']) {
  cpSync(new URL(folder, root), new URL(`dist/${folder}`, root), { recursive: true });
}
chmodSync(new URL('dist/src/cli/main.js', root), 0o755);
