// kapacitor.conf, which is TOML.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configuredUdfs } from '../../dist/src/kapacitor/conf.js';
import { mirror, outliers } from '../../dist/udfs/index.js';
import { expectOwnErrors } from './expected.mjs';

const path = join(mkdtempSync(join(tmpdir(), 'fuzz-')), 'kapacitor.conf');
const known = new Map([mirror, outliers].map((udf) => [udf.name, udf]));

export async function fuzz(data) {
  writeFileSync(path, data);
  await expectOwnErrors(() => configuredUdfs(path, [], known));
}
