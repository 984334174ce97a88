import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { KapacitorApi } from '../../src/kapacitor/api.js';
import { KapacitorRefusal } from '../../src/kapacitor/http.js';

/** A server that answers every request alike, and the requests that it got. */
async function answering(
  status: number,
  body: string,
  headers: OutgoingHttpHeaders = {},
): Promise<{ url: string; got: IncomingMessage[] }> {
  const got: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    got.push(request);
    response.writeHead(status, headers).end(body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got };
}

describe("the client of Kapacitor's HTTP API", () => {
  it('shows its credentials with each request, and never otherwise', async () => {
    const { url, got } = await answering(401, '{"error":"unable to parse authentication credentials"}');
    const api = new KapacitorApi({ url, authorization: 'Basic c2VjcmV0' });
    const reason: unknown = await api.task('a').catch((thrown: unknown) => thrown);
    expect(got[0]!.headers.authorization).toBe('Basic c2VjcmV0');
    expect(reason).toBeInstanceOf(KapacitorRefusal);
    expect(reason).toHaveProperty(
      'message',
      expect.stringMatching(/KAPACITOR_USERNAME and KAPACITOR_PASSWORD/),
    );
    expect(String(reason)).not.toContain('c2VjcmV0');
  });

  it('takes names with any characters', async () => {
    const { url, got } = await answering(200, '{}');
    await new KapacitorApi(`${url}/`).task('a b/ü');
    expect(got[0]!.url).toBe('/kapacitor/v1/tasks/a%20b%2F%C3%BC?script-format=raw');
  });

  it('rejects with what Kapacitor says, be it JSON or not', async () => {
    const { url } = await answering(500, 'the disk is full\n');
    await expect(new KapacitorApi(url).tasks()).rejects.toMatchObject({
      code: 'refused',
      status: 500,
      reason: 'the disk is full',
    });
  });

  it('says that it is InfluxDB that answers, and not only that it finds nothing', async () => {
    const { url } = await answering(404, '404 page not found\n', { 'X-Influxdb-Version': '1.8.10' });
    await expect(new KapacitorApi(url).task('a')).rejects.toMatchObject({
      code: 'connection',
      message: `${url} is an InfluxDB; Kapacitor's own port is 9092, as a rule`,
    });
  });

  it('rejects with the URL and the cause when nobody answers', async () => {
    await expect(new KapacitorApi('http://127.0.0.1:1').ping()).rejects.toMatchObject({
      code: 'connection',
      message: expect.stringMatching(
        /^no answer from Kapacitor at http:\/\/127\.0\.0\.1:1 \(GET \/ping\): \S.*; is it running, and the URL right\?$/,
      ) as string,
    });
  });
});
