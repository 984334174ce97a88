import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createConnection, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { listenOnSocket, type SocketFile } from '../../src/host/socket-file.js';
import { answering, liveSocket, staleSocket } from '../support/socket-files.js';
import { tempDir } from '../support/temp-dir.js';

async function listen(
  path: string,
  mode = 0o660,
  gid?: number,
): Promise<{ server: Server; file: SocketFile }> {
  const server = answering('us');
  onTestFinished(() => {
    server.close();
  });
  const file = await listenOnSocket(server, path, { mode, gid });
  return { server, file };
}

const answer = (path: string): Promise<string> => text(createConnection(path));

test('a socket is made, in directories that are made if need be', async () => {
  const path = join(tempDir(), 'not', 'there', 'a.sock');
  await listen(path);
  expect(await answer(path)).toBe('us');
  expect(readdirSync(dirname(path))).toEqual(['a.sock']);
});

test('a socket that a killed process left is replaced', async () => {
  const path = join(tempDir(), 'a.sock');
  await staleSocket(path);
  await listen(path);
  expect(await answer(path)).toBe('us');
  expect(readdirSync(dirname(path))).toEqual(['a.sock']);
});

test('a socket that somebody answers on is never taken over', async () => {
  const path = join(tempDir(), 'a.sock');
  await liveSocket(path);
  await expect(listen(path)).rejects.toMatchObject({
    code: 'socket_in_use',
    message: `cannot listen on ${path}: another process answers there; stop it, or choose another path`,
  });
  expect(await answer(path)).toBe('somebody else');
  expect(readdirSync(dirname(path))).toEqual(['a.sock']);
});

test.each([
  [
    'a file',
    (path: string) => {
      writeFileSync(path, 'precious');
    },
  ],
  [
    'a directory',
    (path: string) => {
      mkdirSync(path);
    },
  ],
  [
    'a link',
    (path: string) => {
      symlinkSync('/dev/null', path);
    },
  ],
])('%s at the path is left alone', async (_what, make) => {
  const path = join(tempDir(), 'a.sock');
  make(path);
  const before = lstatSync(path);
  await expect(listen(path)).rejects.toMatchObject({
    code: 'socket_not_a_socket',
    message: `cannot listen on ${path}: what is there is not a socket and is left alone; remove it, or choose another path`,
  });
  expect(lstatSync(path).ino).toBe(before.ino);
  expect(readdirSync(dirname(path))).toEqual(['a.sock']);
});

test('a path as long as the system allows works, a longer one is refused', async () => {
  const directory = tempDir();
  const limit = process.platform === 'linux' ? 107 : 103;
  const path = join(directory, 'x'.repeat(limit - directory.length - 1));
  await listen(path);
  expect(await answer(path)).toBe('us');
  await expect(listen(`${path}x`)).rejects.toMatchObject({
    code: 'socket_path_too_long',
    message: `cannot listen on ${path}x: the path takes ${limit + 1} bytes, and a Unix socket's at most ${limit}; choose a shorter directory`,
  });
});

test.each(['file', 'file/below'])('a directory that is a file is told as such: %s', async (name) => {
  const directory = tempDir();
  writeFileSync(join(directory, 'file'), '');
  const path = join(directory, name);
  await expect(listen(join(path, 'a.sock'))).rejects.toMatchObject({
    code: 'socket_failed',
    message: expect.stringMatching(
      /^cannot make the directory .*: .*not a directory; choose another directory$/,
    ) as string,
  });
});

/** Does something as a user without rights. */
async function withoutRights(work: () => Promise<unknown>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test('a directory that we may not write to, or not make one in, is told as such', async () => {
  const directory = tempDir();
  chmodSync(directory, 0o555);
  const refused = (path: string, what: string): Promise<void> =>
    expect(listen(path)).rejects.toMatchObject({
      code: 'socket_permission',
      message: `cannot ${what}: no permission (EACCES); let this user write to ${directory}, or choose another directory`,
    });
  await withoutRights(async () => {
    const path = join(directory, 'a.sock');
    await refused(path, `listen on ${path}`);
    await refused(join(directory, 'new', 'a.sock'), `make the directory ${join(directory, 'new')}`);
  });
  expect(readdirSync(directory)).toEqual([]);
});

test('a socket that we may not connect to is left alone: nobody can tell whether it is in use', async () => {
  const path = join(tempDir(), 'a.sock');
  chmodSync(dirname(path), 0o777);
  await liveSocket(path);
  chmodSync(path, 0);
  await withoutRights(() => expect(listen(path)).rejects.toMatchObject({ code: 'socket_permission' }));
  chmodSync(path, 0o600);
  expect(await answer(path)).toBe('somebody else');
});

test('the peer of a connection, which Kapacitor names in its errors, has the name of the socket in it', async () => {
  const path = join(tempDir(), 'a.sock');
  const { server } = await listen(path);
  expect(server.address()).toMatch(/\/\.a\.sock\.[0-9a-f]+$/);
});

test('the mode is what was asked for from the moment the socket is at its path', async () => {
  const path = join(tempDir(), 'a.sock');
  await listen(path, 0o606);
  expect(statSync(path).mode & 0o777).toBe(0o606);
});

test.runIf(process.getuid?.() === 0)('the group is what was asked for', async () => {
  const path = join(tempDir(), 'a.sock');
  await listen(path, 0o660, 12_345);
  expect(statSync(path).gid).toBe(12_345);
});

test.runIf(process.getuid?.() === 0)(
  'a directory that is made lets the group reach the socket, with its parents, and one that exists stays as it is',
  async () => {
    const parent = tempDir();
    const path = join(parent, 'made', 'too', 'a.sock');
    const { gid } = statSync(parent);
    await listen(path, 0o660, 12_345);
    for (const directory of [dirname(path), dirname(dirname(path))]) {
      expect(statSync(directory)).toMatchObject({ gid: 12_345, mode: 0o40750 });
    }
    expect(statSync(parent).gid).toBe(gid);
    chmodSync(parent, 0o755);
    process.setegid?.(12_345);
    try {
      await withoutRights(async () => {
        expect(await answer(path)).toBe('us');
      });
    } finally {
      process.setegid?.(0);
    }
  },
);

test('a directory whose group we may not give is not left behind', async () => {
  const parent = tempDir();
  chmodSync(parent, 0o777);
  await expect(listen(join(parent, 'made', 'a.sock'), 0o660, -2)).rejects.toMatchObject({
    code: 'socket_failed',
  });
  await withoutRights(() =>
    expect(listen(join(parent, 'made', 'a.sock'), 0o660, 12_345)).rejects.toMatchObject({
      code: 'socket_permission',
      message: expect.stringContaining(
        `cannot make with group 12345 the directory ${join(parent, 'made')}`,
      ) as string,
    }),
  );
  expect(readdirSync(parent)).toEqual([]);
});

test('a group that we may not give is refused, and nothing is left', async () => {
  const path = join(tempDir(), 'a.sock');
  await expect(listen(path, 0o660, -2)).rejects.toMatchObject({ code: 'socket_failed' });
  expect(readdirSync(dirname(path))).toEqual([]);
});

test('the file is removed when asked, once', async () => {
  const path = join(tempDir(), 'a.sock');
  const { file } = await listen(path);
  file.remove();
  expect(existsSync(path)).toBe(false);
  file.remove();
});

test('what another process has put at the path since is never removed', async () => {
  const path = join(tempDir(), 'a.sock');
  const { server, file } = await listen(path);
  unlinkSync(path);
  await liveSocket(path);
  file.remove();
  server.close();
  await once(server, 'close');
  expect(await answer(path)).toBe('somebody else');
});

test('a file that has taken the place of the socket is never removed', async () => {
  const path = join(tempDir(), 'a.sock');
  const { server, file } = await listen(path);
  unlinkSync(path);
  writeFileSync(path, 'precious');
  file.remove();
  server.close();
  await once(server, 'close');
  expect(readFileSync(path, 'utf8')).toBe('precious');
});

test('of many that want a path at once, over an abandoned socket or none, one gets it', async () => {
  for (const prepare of [staleSocket, () => Promise.resolve()]) {
    const path = join(tempDir(), 'a.sock');
    await prepare(path);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => listen(path)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'socket_in_use' });
    }
    expect(await answer(path)).toBe('us');
    expect(readdirSync(dirname(path))).toEqual(['a.sock']);
  }
});

/** Listens on many sockets one after the other, and reports on which it does. It loads the built code. */
const contender = `
  import { createServer } from 'node:net';
  import { listenOnSocket } from ${JSON.stringify(new URL('../../dist/src/host/socket-file.js', import.meta.url))};
  process.once('message', async ({ directory, count }) => {
    const won = [];
    for (let index = 0; index < count; index++) {
      const server = createServer((socket) => socket.destroy());
      try {
        await listenOnSocket(server, directory + '/' + index + '.sock', { mode: 0o660 });
        won.push(index);
      } catch {}
    }
    process.once('disconnect', () => process.exit());
    process.send(won); // and stays, or its sockets would be abandoned ones
  });
  process.send('ready');`;

test('of two processes that want the same sockets at the same time, each socket is got by one', async () => {
  const directory = tempDir();
  const script = join(directory, 'contender.mjs');
  writeFileSync(script, contender);
  const count = 500;
  const two = [fork(script), fork(script)];
  await Promise.all(two.map((process) => once(process, 'message')));
  const results = two.map((process) => once(process, 'message') as Promise<[number[]]>);
  for (const process of two) process.send({ directory, count });
  const won = (await Promise.all(results)).flatMap(([indices]) => indices);
  for (const process of two) process.disconnect();
  expect(won.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
});
