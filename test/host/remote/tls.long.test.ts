import { createConnection } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createKapacitorPeer } from '../../../src/peer/kapacitor-peer.js';
import { dialUnix } from '../../../src/transport/dial-unix.js';
import { certificateFile, tlsArgs } from '../../support/certificates.js';
import { freePort } from '../../support/faulty-network.js';
import { Cli, runCli, serve } from '../../support/spawn-cli.js';
import { tempDir } from '../../support/temp-dir.js';

async function serveWithTls(name = 'host'): Promise<{ host: Cli; port: number }> {
  const port = await freePort();
  const host = await serve([
    ...['mirror', '--listen', `tls://127.0.0.1:${port}`, '--socket-dir', tempDir()],
    ...tlsArgs(name),
  ]);
  return { host, port };
}

function startProxy(...args: readonly string[]): { proxy: Cli; directory: string } {
  const directory = tempDir();
  return { proxy: new Cli(['proxy', '--socket-dir', directory, ...args]), directory };
}

/** The first line that a host answers. */
function answerTo(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      resolve(received);
    });
    socket.write(text);
    onTestFinished(() => {
      socket.destroy();
    });
  });
}

describe('with TLS', () => {
  test.each([
    ['127.0.0.1', []],
    ['localhost', []],
    ['127.0.0.1', ['--tls-name', 'host']],
  ])('points go to %s and back %j', async (name, args) => {
    const { host, port } = await serveWithTls();
    const { proxy, directory } = startProxy('--to', `tls://${name}:${port}`, ...tlsArgs('proxy'), ...args);
    await proxy.untilLogged('ready');
    const peer = createKapacitorPeer(await dialUnix(join(directory, 'mirror.sock')));
    await peer.init();
    for (let time = 0n; time < 100n; time++) peer.point({ time, name: 'cpu', fields: { value: 1 } });
    expect((await peer.stop()).points).toHaveLength(100);
    expect(host.log.find(({ msg }) => msg === 'a session of mirror begins')?.from).toMatch(/^proxy at 127/);
  });

  test('a certificate of another authority is refused by the host', async () => {
    const { host, port } = await serveWithTls();
    const { proxy } = startProxy('--to', `tls://127.0.0.1:${port}`, ...tlsArgs('stranger'));
    expect(await proxy.ended).toEqual({ code: 1, signal: null });
    expect(proxy.stderr).toContain('refuses: the certificate is not accepted: ');
    await host.untilLogged('a connection is refused: the certificate is not accepted: ');
  });

  test('no certificate at all is refused by the host', async () => {
    const { host, port } = await serveWithTls();
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
    const answer = await new Promise((resolve) => {
      socket.once('data', (chunk: Buffer) => {
        resolve(chunk.toString('latin1'));
      });
    });
    expect(answer).toMatch(/^kapacitor-udf\/2 error certificate /);
    socket.destroy();
    await host.untilLogged('a connection is refused: the certificate is not accepted: ');
  });

  test('what is not TLS is refused', async () => {
    const { host, port } = await serveWithTls();
    await answerTo(port, 'kapacitor-udf/2 info\n');
    await host.untilLogged('a connection is refused: TLS fails: ');
    expect(host.process.exitCode).toBeNull();
  });

  test('a host of another authority is refused by the proxy', async () => {
    const { port } = await serveWithTls('stranger');
    const { proxy } = startProxy('--to', `tls://127.0.0.1:${port}`, ...tlsArgs('proxy'));
    expect(await proxy.ended).toEqual({ code: 1, signal: null });
    expect(proxy.stderr).toContain('TLS fails');
  });

  test('a host of another name is refused by the proxy', async () => {
    const { port } = await serveWithTls();
    const name = ['--tls-name', 'other.example.com'];
    const { proxy } = startProxy('--to', `tls://127.0.0.1:${port}`, ...tlsArgs('proxy'), ...name);
    expect(await proxy.ended).toEqual({ code: 1, signal: null });
    expect(proxy.stderr).toContain('other.example.com');
  });
});

describe('a wrong use is refused', () => {
  test.each([
    [['--to', 'tcp://192.0.2.1:9070'], 'say --allow-plaintext'],
    [['--to', 'tls://192.0.2.1:9070'], 'needs --tls-cert, --tls-key, --tls-ca'],
    [
      ['--to', 'tls://192.0.2.1:9070', '--tls-ca', certificateFile('authority.pem')],
      'needs --tls-cert, --tls-key',
    ],
    [['--to', 'tcp://127.0.0.1:9070', ...tlsArgs('proxy')], 'is not tls://'],
    [['--to', '127.0.0.1:9070'], 'write it as tcp://127.0.0.1:9070'],
    [[], '--to'],
  ])('by the proxy: %j', async (args, text) => {
    const { code, stderr } = await runCli(['proxy', '--socket-dir', tempDir(), ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(text);
  });

  test.each([
    [['--listen', 'tcp://0.0.0.0:9070'], 'say --allow-plaintext'],
    [['--listen', 'tls://0.0.0.0:9070'], 'needs --tls-cert, --tls-key, --tls-ca'],
  ])('by the host: %j', async (args, text) => {
    const { code, stderr } = await runCli(['serve', '--socket-dir', tempDir(), ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(text);
  });

  test('a UDF that the host does not have is named, and those that it has', async () => {
    const port = await freePort();
    await serve(['mirror', '--listen', `tcp://127.0.0.1:${port}`, '--socket-dir', tempDir()]);
    const { code, stderr } = await runCli([
      ...['proxy', 'miror', '--to', `tcp://127.0.0.1:${port}`, '--socket-dir', tempDir()],
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain('did you mean mirror?');
  });
});

describe('on the port of a host', () => {
  test.each([
    ['kapacitor-udf/1 session new mirror\n', 'kapacitor-udf/2 error version '],
    ['kapacitor-udf/2 session new nothing\n', 'kapacitor-udf/2 error unknown_udf '],
    [`kapacitor-udf/2 session ${'0'.repeat(32)} mirror 0\n`, 'kapacitor-udf/2 error unknown_session '],
    ['GET / HTTP/1.1\r\n\r\n', 'kapacitor-udf/2 error malformed '],
    ['x'.repeat(600), 'kapacitor-udf/2 error malformed '],
  ])('%j is answered by %j', async (greeting, answer) => {
    const port = await freePort();
    const host = await serve(['mirror', '--listen', `tcp://127.0.0.1:${port}`, '--socket-dir', tempDir()]);
    expect((await answerTo(port, greeting)).startsWith(answer)).toBe(true);
    expect(host.process.exitCode).toBeNull();
  });

  test('bytes that break the rules end that session only', async () => {
    const port = await freePort();
    const host = await serve(['mirror', '--listen', `tcp://127.0.0.1:${port}`, '--socket-dir', tempDir()]);
    const { proxy, directory } = startProxy('--to', `tcp://127.0.0.1:${port}`);
    await proxy.untilLogged('ready');
    const peer = createKapacitorPeer(await dialUnix(join(directory, 'mirror.sock')));
    await peer.init();
    const hostile = 'kapacitor-udf/2 session new mirror\n\xff\xff\xff\xff\xff\xff';
    expect(await answerTo(port, hostile)).toMatch(/^kapacitor-udf\/2 session [\da-f]{32} 0\n/);
    await host.untilLogged('there is no frame of kind');
    peer.point({ time: 1n, name: 'cpu', fields: { value: 1 } });
    expect((await peer.stop()).points).toHaveLength(1);
  });
});
