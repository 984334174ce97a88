import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { diagnose, type Finding } from '../../src/doctor/diagnose.js';
import { parseRemoteAddress } from '../../src/host/remote/address.js';
import type { RemoteHost } from '../../src/host/remote/dial.js';
import { certificateFile, tlsArgs } from '../support/certificates.js';
import { freePort } from '../support/free-port.js';
import { Cli, runCli, serve } from '../support/spawn-cli.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

/** A host that proxies reach; its URL. */
async function serveAt(
  scheme: 'tcp' | 'tls',
  udfs: readonly string[],
  ...args: readonly string[]
): Promise<string> {
  const url = `${scheme}://127.0.0.1:${await freePort()}`;
  await serve([...udfs, '--listen', url, '--socket-dir', tempDir(), ...args]);
  return url;
}

/** The directory of the sockets of a proxy. */
async function proxyTo(url: string): Promise<string> {
  const directory = tempDir();
  const proxy = new Cli(['proxy', '--to', url, '--socket-dir', directory]);
  await until('the proxy serves', () => proxy.log.some(({ msg }) => msg === 'ready'));
  return directory;
}

async function findings(
  socketDir: string,
  url: string,
  tls?: RemoteHost['tls'],
): Promise<readonly Finding[]> {
  const remote = { address: parseRemoteAddress(url), tls };
  return (await diagnose({ socketDir, kapacitorUser: '0', remote })).findings;
}

/** A module with the UDF `mine`. */
function moduleWith(options: string): string {
  const file = join(tempDir(), 'mine.mjs');
  writeFileSync(
    file,
    "import { defineUdf, option } from 'kapacitor-udf';\n" +
      `export default defineUdf({ name: 'mine', wants: 'stream', provides: 'stream', options: ${options}, point: (point) => point });\n`,
  );
  return file;
}

const files = (name: string) => ({
  cert: certificateFile(`${name}.pem`),
  key: certificateFile(`${name}.key`),
  ca: certificateFile('authority.pem'),
});

test('a proxy and a host that fit together have no finding, and the host is named', async () => {
  const url = await serveAt('tcp', ['mirror']);
  const args = [
    '--no-kapacitor',
    '--kapacitor-user',
    '0',
    '--socket-dir',
    await proxyTo(url),
    '--remote',
    url,
  ];
  expect(await runCli(['doctor', ...args])).toMatchObject({
    code: 0,
    stdout: `checked: 1 UDF; no configuration; no Kapacitor; the host at ${url}\nno problem (0 notes)\n`,
  });
  const { stdout } = await runCli(['doctor', ...args, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ remote: url, findings: [] });
});

test('a host that does not answer is an error, and the remedy for its sockets is the proxy', async () => {
  const url = `tcp://127.0.0.1:${await freePort()}`;
  const config = join(tempDir(), 'kapacitor.conf');
  writeFileSync(
    config,
    `[udf.functions.mirror]\nsocket = "${join(tempDir(), 'mirror.sock')}"\ntimeout = "10s"\n`,
  );
  const remote = { address: parseRemoteAddress(url) };
  const found = (await diagnose({ config, kapacitorUser: '0', remote })).findings;
  expect(found).toContainEqual({
    severity: 'error',
    check: 'remote',
    where: url,
    what: expect.stringContaining('ECONNREFUSED') as string,
    remedy: `start the host there: kapacitor-udf serve --listen ${url}; else see whether a firewall closes the port`,
  });
  expect(found.find(({ check }) => check === 'sockets')?.remedy).toContain(
    `start the proxy: kapacitor-udf proxy --to ${url} --config ${config}`,
  );
});

test('what is not a host is an error', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  const port = await freePort();
  await once(server.listen(port, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  expect(await findings(tempDir(), `tcp://127.0.0.1:${port}`)).toContainEqual(
    expect.objectContaining({ severity: 'error', check: 'remote' }),
  );
});

test('TLS that fails is an error: for the host, or for whoever connects', async () => {
  const url = await serveAt('tls', ['mirror'], ...tlsArgs('host'));
  const sockets = tempDir();
  expect(await findings(sockets, url, files('stranger'))).toContainEqual(
    expect.objectContaining({
      severity: 'error',
      check: 'remote',
      where: url,
      what: expect.stringContaining('the certificate is not accepted') as string,
      remedy: expect.stringContaining(
        'give --tls-cert, --tls-key and --tls-ca as the proxy has them',
      ) as string,
    }),
  );
  const other = { ...files('proxy'), ca: certificateFile('other-authority.pem') };
  expect(await findings(sockets, url, other)).toContainEqual(
    expect.objectContaining({
      severity: 'error',
      check: 'remote',
      what: expect.stringContaining('TLS fails') as string,
      remedy: expect.stringContaining('signed by that authority') as string,
    }),
  );
});

test('a certificate of the host that ends soon is a warning', async () => {
  const url = await serveAt('tls', ['mirror'], ...tlsArgs('host'));
  const sockets = tempDir();
  const remote = () =>
    findings(sockets, url, files('proxy')).then((all) => all.filter(({ check }) => check === 'remote'));
  expect(await remote()).toEqual([]);
  const { validTo } = new X509Certificate(readFileSync(certificateFile('host.pem')));
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(validTo) - 3 * 60 * 60 * 1000 });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  expect(await remote()).toEqual([
    expect.objectContaining({
      severity: 'warning',
      what: 'the certificate of the host ends in 3h: proxies cannot connect after that',
    }),
  ]);
});

test('UDFs that the host has not, or has otherwise, are found', async () => {
  const sockets = await proxyTo(await serveAt('tcp', ['mirror', 'edgeDetect']));
  const fewer = await serveAt('tcp', ['mirror']);
  expect(await findings(sockets, fewer)).toMatchObject([
    { severity: 'note', check: 'remote', what: `@edgeDetect is not among the UDFs of ${fewer}: mirror` },
  ]);
  const none = await serveAt('tcp', ['outliers']);
  expect(await findings(sockets, none)).toMatchObject([
    {
      severity: 'warning',
      what: 'the host has none of the UDFs that Kapacitor is to reach here; it has outliers',
    },
  ]);
});

test('a UDF whose options the host has changed is a warning: restart the proxy, then Kapacitor', async () => {
  const before = await serveAt('tcp', ['mine'], '--load', moduleWith('{}'));
  const after = await serveAt(
    'tcp',
    ['mine'],
    '--load',
    moduleWith("{ x: option.int({ doc: 'a number' }) }"),
  );
  const sockets = await proxyTo(before);
  expect(await findings(sockets, before)).toEqual([]);
  expect(await findings(sockets, after)).toMatchObject([
    { severity: 'warning', what: `@mine has other options or edges here than at ${after}` },
  ]);
});
