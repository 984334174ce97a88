import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const built = fileURLToPath(new URL('../../dist/', import.meta.url));

// The bundled UDFs import the package, which lists them: a circle of static imports fails for a program that begins with one.
test.each(['udfs/index.js', 'udfs/mirror/mirror.js', 'src/index.js', 'src/testkit/index.js'])(
  '%s can be what a program imports first',
  (file) => {
    const { status, stderr } = spawnSync(process.execPath, [
      '--input-type=module',
      '-e',
      `await import('${built}${file}')`,
    ]);
    expect({ status, stderr: String(stderr) }).toEqual({ status: 0, stderr: '' });
  },
);
