import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { Cluster, type ClientSettings } from '../../../src/kafka/client/cluster.js';
import { loadLibrary } from '../../../src/kafka/client/library.js';
import { certificateFile } from '../../support/certificates.js';
import { freePort } from '../../support/free-port.js';

const library = await loadLibrary();

async function listening(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`; // listens at a port
}

const closing = (): Server =>
  createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.destroy());
  });

const encrypted = (): Server => {
  const pem = (name: string) => readFileSync(certificateFile(name));
  const server = createTlsServer({ cert: pem('host.pem'), key: pem('host.key') }, (socket) => {
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  return server;
};

function clusterOf(brokers: readonly string[], settings: Partial<ClientSettings> = {}): Cluster {
  const cluster = new Cluster(library, { brokers, clientId: 'test', ...settings });
  onTestFinished(() => cluster.close());
  return cluster;
}

async function failureOf(
  brokers: readonly string[],
  settings: Partial<ClientSettings> = {},
): Promise<string> {
  const cluster = clusterOf(brokers, settings);
  const reason: unknown = await cluster.topics(['t']).catch((error: unknown) => error);
  expect(reason).toMatchObject({ code: 'NETWORK' });
  expect(cluster.silence?.text).toBe((reason as Error).message.replace(/^topic t: /, ''));
  return cluster.silence!.text; // was just expected
}

test('of each broker it is told why it cannot be used', async () => {
  const port = await freePort();
  expect(await failureOf([`127.0.0.1:${port}`, 'no-such-host.invalid:9092'])).toMatch(
    new RegExp(
      `^127.0.0.1:${port}: nothing listens there \\(ECONNREFUSED\\); no-such-host.invalid:9092: (there is no such host|its name cannot be resolved)`,
    ),
  );
});

test.each([
  ['that wants TLS', encrypted, {}, 'it closes the connection without an answer, as where it wants TLS (--tls) or a sign-in (--sasl)'], // prettier-ignore
  ['that does not speak TLS', closing, { tls: {} }, 'it does not speak TLS; give the port of its TLS listener, or leave out the --tls options'], // prettier-ignore
  ['whose authority is unknown', encrypted, { tls: {} }, 'its certificate or ours is not accepted: unable to verify the first certificate; see --tls-ca, --tls-cert and --tls-key'], // prettier-ignore
] as const)('a broker %s is told apart', async (_what, create, settings, text) => {
  const address = await listening(create());
  const failure = await failureOf([address], settings);
  // From Node.js 24 on, OpenSSL's text is followed by a hint.
  expect(failure.replace(/; if the root CA is installed locally[^;]*/, '')).toBe(`${address}: ${text}`);
});

test('a request under way ends when the connections are closed', async () => {
  const accepted: Socket[] = [];
  const address = await listening(
    createServer((socket) => accepted.push(socket.on('error', () => undefined))),
  );
  const cluster = clusterOf([address], { tls: {} }); // the handshake is never answered
  const request = cluster.topics(['t']).catch((error: unknown) => error);
  expect(cluster.silence?.text).toBe(`no answer yet from ${address}`);
  await cluster.close();
  expect(await request).toMatchObject({ code: 'NETWORK', message: 'the connections are closed' });
  for (const socket of accepted) socket.destroy();
});
