import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { influxTarget } from '../../src/influx/target.js';
import { createInfluxWriter, type InfluxWriter, type InfluxWriterOptions } from '../../src/influx/writer.js';

interface Received {
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** A server that notes what it gets and answers as it is told. */
async function startServer(answer: (response: ServerResponse) => void) {
  const received: Received[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const zipped = request.headers['content-encoding'] === 'gzip';
    void text(zipped ? request.pipe(createGunzip()) : request).then((body) => {
      received.push({ url: request.url, authorization: request.headers.authorization, body });
      answer(response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const writer = (query: string, environment = {}, options: InfluxWriterOptions = {}): InfluxWriter =>
    createInfluxWriter(influxTarget(`http://127.0.0.1:${port}?${query}`, environment), options);
  return { received, writer, server };
}

const accept = (response: ServerResponse): void => {
  response.writeHead(204).end();
};

describe('the writer to InfluxDB', () => {
  it('writes to version 1 by database and retention policy, in nanoseconds', async () => {
    const { received, writer } = await startServer(accept);

    await writer('db=udf&rp=week', { INFLUX_USERNAME: 'me', INFLUX_PASSWORD: 'pw' }).write([
      'a v=1 1',
      'a v=2 2',
    ]);

    expect(received).toEqual([
      {
        url: '/write?db=udf&rp=week&precision=ns',
        authorization: 'Basic bWU6cHc=',
        body: 'a v=1 1\na v=2 2',
      },
    ]);
  });

  it('writes to version 2 by organisation and bucket', async () => {
    const { received, writer } = await startServer(accept);

    await writer('org=home&bucket=adsl', { INFLUX_TOKEN: 't0' }).write(['a v=1 1']);

    expect(received).toEqual([
      { url: '/api/v2/write?org=home&bucket=adsl&precision=ns', authorization: 'Token t0', body: 'a v=1 1' },
    ]);
  });

  it('sends what is large in one request, compressed', async () => {
    const { received, writer } = await startServer(accept);
    const lines = Array.from({ length: 20_000 }, (_, index) => `a v=${index} ${index}`);

    await writer('db=udf').write(lines);

    expect(received.map(({ body }) => body)).toEqual([lines.join('\n')]);
  });

  it('ends a request whose answer has no end as a temporary failure', async () => {
    const { writer, server } = await startServer((response) => {
      response.writeHead(400);
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', write);
      write();
    });
    onTestFinished(() => {
      server.closeAllConnections();
    });

    const writing = writer('db=udf', {}, { requestTimeoutMs: 300 }).write(['a v=1 1']);

    await expect(writing).rejects.toMatchObject({ name: 'WriteError', temporary: true });
  });

  it('keeps writes apart that are under way at the same time', async () => {
    const { received, writer } = await startServer(accept);
    const one = writer('db=udf');

    await Promise.all([one.write(['a v=1 1']), one.write(['b v=2 2'])]);

    expect(received.map(({ body }) => body).sort()).toEqual(['a v=1 1', 'b v=2 2']);
  });

  it('tells what the server refuses for good, in its words', async () => {
    const { writer } = await startServer((response) => {
      response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"field type conflict"}');
    });

    await expect(writer('db=udf').write(['a v=1 1'])).rejects.toMatchObject({
      message: 'HTTP 400: field type conflict',
      temporary: false,
    });
  });

  it('tells what may be tried again, and when', async () => {
    const { writer } = await startServer((response) => {
      response.writeHead(503, { 'retry-after': '3' }).end();
    });

    await expect(writer('db=udf').write(['a v=1 1'])).rejects.toMatchObject({
      temporary: true,
      retryAfterMs: 3000,
    });
  });

  it.each(['9999999', '9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT'])(
    'leaves a server alone for an hour at most, though it asks for more: %s',
    async (value) => {
      const { writer } = await startServer((response) => {
        response.writeHead(503, { 'retry-after': value }).end();
      });

      await expect(writer('db=udf').write(['a v=1 1'])).rejects.toMatchObject({ retryAfterMs: 3_600_000 });
    },
  );

  it('takes a server that is away for one that may come back', async () => {
    const { writer, server } = await startServer(accept);
    const one = writer('db=udf');
    server.close();
    await once(server, 'close');

    await expect(one.write(['a v=1 1'])).rejects.toMatchObject({ temporary: true });
  });
});
