import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseRemoteAddress } from '../../../src/host/remote/address.js';
import { type RemoteHost, remoteUdfs } from '../../../src/host/remote/dial.js';
import { certificateFile } from '../../support/certificates.js';
import { tempDir } from '../../support/temp-dir.js';

const tls = {
  cert: certificateFile('proxy.pem'),
  key: certificateFile('proxy.key'),
  ca: certificateFile('authority.pem'),
};

const servers: Server[] = [];
afterEach(async () => {
  const closed = servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)));
  await Promise.all(closed);
});

/** The error of asking a host that answers with `answer`, or closes the connection at once. */
async function problemOf(answer: string | undefined, scheme = 'tcp', files = tls): Promise<object> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    if (answer === undefined) socket.end();
    else socket.end(answer);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`; // listens on TCP
  const host: RemoteHost = {
    address: parseRemoteAddress(url),
    ...(scheme === 'tls' && { tls: files }),
  };
  const error = await remoteUdfs(host).then(
    () => undefined,
    (reason: unknown) => reason as Error & { code: string },
  );
  return { code: error?.code, message: error?.message.replace(url, 'URL') };
}

describe('a host that is none is named with its address and what to do:', () => {
  test.each([
    ['HTTP/1.1 400 Bad Request\r\n', 'URL: "HTTP/1.1 400 Bad Request" does not begin with kapacitor-udf/2; '],
    ['kapacitor-udf/2 hello\n', 'URL: "kapacitor-udf/2 hello" is no answer to a greeting; '],
  ])('%j', async (answer, message) => {
    const remedy = 'give the address of a kapacitor-udf serve --listen';
    expect(await problemOf(answer)).toEqual({ code: 'protocol', message: message + remedy });
  });

  test('of another version', async () => {
    expect(await problemOf('kapacitor-udf/1 info []\n')).toEqual({
      code: 'protocol',
      message:
        'URL: the other side speaks version 1 of the protocol, this one version 2; run the same version of kapacitor-udf on both',
    });
  });

  test.each(['[]', '{"udfs":5}', '[5]', '[{"name":7}]', 'null'])('whose UDFs are %s', async (json) => {
    expect(await problemOf(`kapacitor-udf/2 info ${json}\n`)).toEqual({
      code: 'protocol',
      message:
        'URL does not name its UDFs: its answer is no list of UDFs; run the same version of kapacitor-udf on both',
    });
  });

  test('that closes the connection, as one with TLS does', async () => {
    expect(await problemOf(undefined)).toEqual({
      code: 'connection',
      message: 'URL: the connection was closed before its first line, as where a host listens at tls://',
    });
  });

  test('without TLS, in one line', async () => {
    expect(await problemOf('HTTP/1.1 400 Bad Request\r\n', 'tls')).toEqual({
      code: 'invalid_config',
      message: 'URL: TLS fails: what answers there is not TLS; see --tls-cert, --tls-key and --tls-ca',
    });
  });
});

describe('a file that cannot be used for TLS is named:', () => {
  const wrong = (): string => {
    const file = join(tempDir(), 'wrong.pem');
    writeFileSync(file, 'no certificate\n');
    return file;
  };

  test.each([
    ['cert', '--tls-cert FILE is not a certificate as PEM'],
    ['key', '--tls-key FILE is not a private key as PEM'],
    ['ca', '--tls-ca FILE is not a certificate as PEM'],
  ])('--tls-%s', async (option, message) => {
    const file = wrong();
    const { code, message: text } = (await problemOf('', 'tls', { ...tls, [option]: file })) as {
      readonly code: string;
      readonly message: string;
    };
    expect(code).toBe('invalid_config');
    expect(text.replace(file, 'FILE')).toContain(message);
    expect(text).not.toContain('\n');
  });

  test('a key of another certificate', async () => {
    const problem = await problemOf('', 'tls', { ...tls, key: certificateFile('host.key') });
    expect(problem).toEqual({
      code: 'invalid_config',
      message: `--tls-key ${certificateFile('host.key')} is not the key of --tls-cert ${tls.cert}: key values mismatch`,
    });
  });
});
