import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

interface SentPoint {
  readonly name: string;
  readonly timestamp: number;
  readonly type: string;
  readonly value: unknown;
  readonly tags: Readonly<Record<string, string>>;
}

export interface KairosRequest {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly points: readonly SentPoint[];
}

/**
 * A server that answers `/api/v1/datapoints` as KairosDB 1.3 does: it stores the valid data points of a request and names each
 * other one by its index, except for an unknown type. `answer` may answer a request instead, by returning true.
 */
export async function startKairosServer(
  answer: (response: ServerResponse, request: KairosRequest) => boolean = () => false,
) {
  const requests: KairosRequest[] = [];
  /** The JSON of values by `metric{tags}@time`. */
  const stored = new Map<string, string>();
  const unknownTypes = new Set<string>();
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = gunzipSync(Buffer.concat(chunks)).toString();
      const points = JSON.parse(body) as SentPoint[];
      const request = { url: incoming.url, headers: incoming.headers, body, points };
      requests.push(request);
      if (answer(response, request)) return;
      const errors = points.flatMap((point, index) => {
        const where = `metric[${index}](name=${point.name})`;
        if (Object.keys(point.tags).length === 0)
          return [`${where}.tags count must be greater than or equal to 1.`];
        if (unknownTypes.has(point.type)) return [`Unregistered data point type '${point.type}'`];
        const key = `${point.name}${JSON.stringify(point.tags)}@${point.timestamp}`;
        stored.set(key, `${point.type} ${JSON.stringify(point.value)}`);
        return [];
      });
      if (errors.length === 0) response.writeHead(204).end();
      else response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `kairosdb+http://127.0.0.1:${port}`, server, requests, stored, unknownTypes };
}
