import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { connect } from '../support/connect.js';
import { runCli, serve } from '../support/spawn-cli.js';
import { stdioKinds } from '../support/stdio-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { pointRequest } from '../support/udf-messages.js';

const load = ['--load', fileURLToPath(new URL('modules/failing.mjs', import.meta.url))];
const bad = pointRequest({
  time: 7n,
  name: 'cpu',
  tags: { host: 'a' },
  fields: { bad: true, v: 5n, x: 0.1 },
});
const good = pointRequest({ time: 8n, name: 'cpu', fields: { v: 6n } });

function only(directory: string): string {
  const names = readdirSync(directory);
  expect(names).toHaveLength(1);
  return join(directory, names[0]!);
}

test('serve keeps what is dropped, and replay reads it', async () => {
  const directory = tempDir();
  const dead = join(directory, 'dead');
  const host = await serve(['failing', ...load, '--socket-dir', directory, '--dead-letter', dead]);
  const kapacitor = await connect(join(directory, 'failing.sock'));
  await kapacitor.init();
  kapacitor.send(bad, good);
  await kapacitor.end();
  expect(kapacitor.points).toHaveLength(1);
  expect((await host.stop()).code).toBe(0);
  const file = only(join(dead, 'failing'));
  const { stdout, code } = await runCli(['replay', file, '--udf', 'mirror']);
  expect({ stdout, code }).toEqual({ stdout: 'cpu,host=a v=5i,x=0.1,bad=true 7\n', code: 0 });
});

test('stdio does so too', async () => {
  const dead = join(tempDir(), 'dead');
  const { cli, kapacitor } = stdioKinds.pipes(['failing', ...load, '--dead-letter', dead]);
  await kapacitor.init();
  kapacitor.send(bad);
  await kapacitor.end();
  expect((await cli.ended).code).toBe(0);
  expect(readFileSync(only(join(dead, 'failing')), 'utf8')).toMatch(
    /^# \{.*"udf":"failing","task":"task","node":"node","error":"it is bad".*\ncpu,host=a .* 7\n$/,
  );
});
