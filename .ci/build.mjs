// Compiles src and udfs into dist, beside the schema that the wire layer reads at start-up.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';

const root = new URL('../', import.meta.url);
rmSync(new URL('dist', root), { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
cpSync(new URL('proto', root), new URL('dist/proto', root), { recursive: true });
chmodSync(new URL('dist/src/cli/main.js', root), 0o755);
