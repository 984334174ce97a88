import { join } from 'node:path';
import { createKapacitorPeer, dialUnix } from 'kapacitor-udf/testkit';
import { expect, test } from 'vitest';
import mirror from '../../udfs/mirror/mirror.js';
import { udfSocket } from '../support/connection.js';

test('a UDF’s socket is dialled as Kapacitor does, and may be half-closed', async () => {
  const { path } = await udfSocket(mirror);
  const kapacitor = createKapacitorPeer(await dialUnix(path));
  await kapacitor.init();
  kapacitor.point({ time: 1n, name: 'cpu', fields: { v: 1 } });
  expect((await kapacitor.stop()).points).toHaveLength(1);
});

test('where nobody answers, the system says why', async () => {
  const { path } = await udfSocket(mirror);
  await expect(dialUnix(join(path, '..', 'nobody.sock'))).rejects.toMatchObject({ code: 'ENOENT' });
});
