import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dialUnix } from '../../src/transport/dial-unix.js';
import { createKapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { readBoth } from '../support/recorded.js';
import { serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';

test('serve --record writes each conversation to a file, to its end also when the host is stopped', async () => {
  const directory = tempDir();
  const out = join(directory, 'out');
  const host = await serve(['mirror', '--socket-dir', directory, '--record', out]);
  const kapacitor = createKapacitorPeer(await dialUnix(join(directory, 'mirror.sock')));
  await kapacitor.init();
  kapacitor.point({ time: 1n, name: 'cpu', fields: { value: 1 } });
  await kapacitor.received({ points: 1 });
  expect(await host.stop()).toEqual({ code: 0, signal: null });
  const [file, ...others] = readdirSync(out);
  expect(others).toEqual([]);
  const { header, requests, responses, kinds } = await readBoth(join(out, file!));
  expect(header).toMatchObject({ udf: 'mirror', socket: join(directory, 'mirror.sock') });
  expect(requests.map(({ kind }) => kind)).toEqual(['init', 'point']);
  expect(responses.map(({ kind }) => kind)).toEqual(['init', 'point']);
  expect(kinds.at(-1)).toBe('close');
});
