import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SocketProxy } from '../../src/record/socket-proxy.js';
import { createHost } from '../../src/host/host.js';
import { readConversation } from '../../src/recording/conversation/reader.js';
import { ConversationRecorder } from '../../src/recording/conversation/recorder.js';
import { dialUnix } from '../../src/transport/dial-unix.js';
import { createKapacitorPeer } from '../../src/peer/kapacitor-peer.js';
import { type LogLine, memoryLogger } from '../../src/telemetry/memory-logger.js';
import { bundledUdfs } from '../../udfs/index.js';
import { readBoth } from '../support/recorded.js';
import { silentLogger } from '../support/silent-logger.js';
import { liveSocket, staleSocket } from '../support/socket-files.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

interface Between {
  readonly proxy: SocketProxy;
  readonly listen: string;
  readonly target: string;
  readonly out: string;
  readonly log: LogLine[];
  readonly recorder: ConversationRecorder;
  readonly files: () => string[];
}

/** A proxy that listens, and records. */
async function between(directory = tempDir(), drainMs = 5_000): Promise<Between> {
  const [listen, target, out] = ['proxy.sock', 'udf.sock', 'out'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const log: LogLine[] = [];
  const logger = memoryLogger(log);
  const recorder = new ConversationRecorder({ directory: out, logger });
  const proxy = new SocketProxy({
    listen,
    target,
    access: { mode: 0o660, gid: undefined },
    logger,
    drainMs,
    onConnection: (kapacitor, udf) => {
      recorder.between(kapacitor, udf, { udf: 'udf', socket: target });
    },
  });
  await proxy.start();
  onTestFinished(() => proxy.stop());
  const files = (): string[] => readdirSync(out).map((file) => join(out, file));
  return { proxy, listen, target, out, log, recorder, files };
}

/** A server in the UDF's place that hands out the connections it gets. */
async function udfSide(path: string): Promise<{ readonly next: () => Promise<Socket> }> {
  const server = createServer({ allowHalfOpen: true });
  const came: Socket[] = [];
  server.on('connection', (socket) => {
    socket.on('error', () => undefined);
    came.push(socket);
  });
  await once(server.listen(path), 'listening');
  onTestFinished(() => {
    server.close();
  });
  return {
    next: async () => {
      await until('the UDF is connected to', () => came.length > 0);
      const socket = came.shift()!;
      onTestFinished(() => {
        socket.destroy();
      });
      return socket;
    },
  };
}

async function dial(path: string): Promise<Socket> {
  const socket = createConnection({ path, allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

describe('a proxy before a UDF', () => {
  test('lets a task run as without it, up to the last point, and records all of it', async () => {
    const { listen, target, proxy, recorder, files } = await between();
    const host = createHost({
      sockets: [{ definition: bundledUdfs.find(({ name }) => name === 'movingAverage')!, path: target }],
      logger: silentLogger,
    });
    await host.start();
    onTestFinished(() => host.stop());
    const kapacitor = createKapacitorPeer(await dialUnix(listen));
    await kapacitor.init(".field('value').size(2)");
    for (let value = 0; value < 500; value++)
      kapacitor.point({ time: BigInt(value), name: 'cpu', fields: { value } });
    const { points } = await kapacitor.stop();
    expect(points).toHaveLength(500);
    await proxy.stop();
    await recorder.close();
    const [file] = files();
    const { header, requests, responses, kinds } = await readBoth(file!);
    expect(header).toMatchObject({ udf: 'udf', socket: target });
    expect(requests.filter(({ kind }) => kind === 'point')).toHaveLength(500);
    expect(responses.filter(({ kind }) => kind === 'point')).toHaveLength(500);
    expect(kinds.filter((kind) => !/^re(quest|sponse)$/.test(kind))).toEqual([
      'request-end',
      'response-end',
      'close',
    ]);
    expect(files()).toHaveLength(1);
  });

  test('changes no byte and holds none back, whatever the bytes', async () => {
    const { listen, target, files } = await between();
    const udf = await udfSide(target);
    const [kapacitor, agent] = [await dial(listen), await udf.next()];
    for (const byte of [0, 255, 10]) {
      kapacitor.write(Buffer.from([byte]));
      expect((await once(agent, 'data'))[0]).toEqual(Buffer.from([byte]));
      agent.write(Buffer.from([byte, byte]));
      expect((await once(kapacitor, 'data'))[0]).toEqual(Buffer.from([byte, byte]));
    }
    // The bytes do not wait for the file, which is made meanwhile.
    await until('it is recorded', () => files().length === 1);
  });

  test('passes on a half-close of either side, after which the other may go on', async () => {
    const { listen, target } = await between();
    const udf = await udfSide(target);
    for (const first of ['kapacitor', 'udf'] as const) {
      const kapacitor = await dial(listen);
      kapacitor.write('hello');
      const agent = await udf.next();
      const [one, other] = first === 'kapacitor' ? [kapacitor, agent] : [agent, kapacitor];
      one.end();
      other.resume();
      await once(other, 'end');
      other.end('the last words');
      let heard = '';
      for await (const bytes of one) heard += String(bytes);
      expect(heard).toMatch(/the last words$/);
    }
  });

  test('does not read ahead of a UDF that does not read, and goes on when it does', async () => {
    const { listen, target } = await between();
    const udf = await udfSide(target);
    const kapacitor = await dial(listen);
    const agent = await udf.next();
    agent.pause();
    const chunk = Buffer.alloc(64 * 1024, 'x');
    let sent = 0;
    let blocked = false;
    while (!blocked && sent < 64 * 1024 * 1024) {
      sent += chunk.length;
      if (kapacitor.write(chunk)) continue;
      blocked = await Promise.race([
        once(kapacitor, 'drain').then(() => false),
        new Promise<boolean>((resolve) => setTimeout(resolve, 200, true)),
      ]);
    }
    expect(blocked).toBe(true);
    expect(sent).toBeLessThan(8 * 1024 * 1024);
    kapacitor.end();
    let received = 0;
    for await (const bytes of agent) received += (bytes as Buffer).length;
    expect(received).toBe(sent);
  });

  test('ends the connection when no UDF is there, and says so', async () => {
    const { listen, log, target } = await between();
    const kapacitor = await dial(listen);
    kapacitor.resume();
    await once(kapacitor, 'end');
    expect(log.map(({ message }) => message)).toContain(`no UDF answers on ${target}: there is no socket`);
  });

  test('ends the connection when the UDF dies', async () => {
    const { listen, target } = await between();
    const udf = await udfSide(target);
    const kapacitor = await dial(listen);
    kapacitor.resume();
    (await udf.next()).destroy();
    await once(kapacitor, 'end');
  });

  test('goes on without the recording when there is no place for it', async () => {
    const { listen, target, out, log } = await between();
    const udf = await udfSide(target);
    rmSync(out, { recursive: true });
    const kapacitor = await dial(listen);
    const agent = await udf.next();
    for (const text of ['one', 'two']) {
      kapacitor.write(text);
      expect(String((await once(agent, 'data'))[0])).toBe(text);
      await until('the failure is logged', () => log.some(({ level }) => level === 'error'));
    }
    expect(log.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      expect.stringMatching(/^recording stopped, the connection is not affected: no such file/),
    ]);
  });

  test('makes no file of a connection on which nothing is said', async () => {
    const { listen, target, files } = await between();
    const udf = await udfSide(target);
    const kapacitor = await dial(listen);
    kapacitor.end();
    (await udf.next()).end();
    kapacitor.resume();
    await once(kapacitor, 'end');
    expect(files()).toEqual([]);
  });
});

describe('when a proxy stops', () => {
  test('what Kapacitor has written is passed on, the UDF is told, and its last words arrive', async () => {
    const { listen, target, proxy, recorder, files } = await between();
    const udf = await udfSide(target);
    const kapacitor = await dial(listen);
    const agent = await udf.next();
    kapacitor.write('before');
    const stopped = proxy.stop();
    expect(existsSync(listen)).toBe(false);
    expect(String((await once(agent, 'data'))[0])).toBe('before');
    await once(agent, 'end');
    agent.end('after');
    expect(String((await once(kapacitor, 'data'))[0])).toBe('after');
    await stopped;
    await recorder.close();
    const { entries } = await readConversation(files()[0]!);
    const said: string[] = [];
    for await (const entry of entries) said.push('bytes' in entry ? entry.bytes.toString() : entry.kind);
    expect(said).toEqual(['before', 'after', 'response-end', 'close']);
  });

  test('a UDF that does not end is cut off', async () => {
    const { listen, target, proxy, log } = await between(tempDir(), 50);
    const udf = await udfSide(target);
    await dial(listen);
    const agent = await udf.next();
    agent.resume();
    await proxy.stop();
    expect(log.map(({ message }) => message)).toContain('cut off: not drained within 50 ms');
  });
});

describe('the socket of a proxy', () => {
  test('takes the place of a stale one', async () => {
    const directory = tempDir();
    await staleSocket(join(directory, 'proxy.sock'));
    await between(directory);
  });

  test('does not take the place of one that answers', async () => {
    const directory = tempDir();
    await liveSocket(join(directory, 'proxy.sock'));
    await expect(between(directory)).rejects.toMatchObject({ code: 'socket_in_use' });
  });
});
