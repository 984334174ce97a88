import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Close the connection after the body instead of ending the answer. */
  readonly breaksOff?: boolean;
  /** Keep the connection open after the body, without an end. */
  readonly hangs?: boolean;
}

export interface FeedRequest {
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
}

/** A made-up utility that answers each request, and a database that counts how often each line came. */
export async function utilityAndDatabase(answer: (request: FeedRequest) => Answer) {
  const requests: FeedRequest[] = [];
  const stored = new Map<string, number>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    if (request.method === 'GET') {
      const seen = { url, headers: request.headers };
      requests.push(seen);
      const { status = 200, headers = {}, body = '', breaksOff = false, hangs = false } = answer(seen);
      response.writeHead(status, headers);
      if (hangs) response.write(body);
      else if (breaksOff) response.write(body, () => response.destroy());
      else response.end(body);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
      for (const line of text.split('\n')) stored.set(line, (stored.get(line) ?? 0) + 1);
      response.writeHead(204).end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, feedUrl: `${origin}/feed?account=1`, databaseUrl: `${origin}?db=d`, requests, stored };
}
