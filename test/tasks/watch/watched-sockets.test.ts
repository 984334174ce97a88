import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watchedSockets } from '../../../src/tasks/watch/watched-sockets.js';
import { staleSocket } from '../../support/socket-files.js';
import { tempDir } from '../../support/temp-dir.js';

test('the sockets of named UDFs are watched whether or not they exist', () => {
  expect([...watchedSockets(['mirror'], { socketDir: '/run/udf' })()]).toEqual([
    ['mirror', '/run/udf/mirror.sock'],
  ]);
});

test('those of a directory are watched from when they appear, and when their host is away', async () => {
  const socketDir = tempDir();
  const sockets = watchedSockets([], { socketDir });
  expect([...sockets()]).toEqual([]);
  const path = join(socketDir, 'mirror.sock');
  await staleSocket(path);
  expect([...sockets()]).toEqual([['mirror', path]]);
  rmSync(path);
  expect([...sockets()]).toEqual([['mirror', path]]);
});

test('those of a configuration file are as its sections name them', () => {
  const config = join(tempDir(), 'kapacitor.conf');
  writeFileSync(
    config,
    '[udf.functions.a]\nsocket = "/run/a.sock"\n[udf.functions.b]\nsocket = "/run/b.sock"\n',
  );
  expect([...watchedSockets([], { config })()]).toEqual([
    ['a', '/run/a.sock'],
    ['b', '/run/b.sock'],
  ]);
  expect([...watchedSockets(['b'], { config })()]).toEqual([['b', '/run/b.sock']]);
});
