import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { DateTime } from 'luxon';
import { buildingPublications, greenButtonFeed } from './building.js';

/** A utility with the Green Button feed of a made-up office, and a database that takes line protocol. */
export interface DemoUtility {
  readonly feedUrl: string;
  /** For `feed --url`. */
  readonly databaseUrl: string;
  /** The present of the utility: what is published later is not in the feed yet. */
  now: DateTime;
  readonly requests: readonly FeedRequest[];
  /** The lines that were written, in order. */
  readonly lines: readonly string[];
  close(): void;
}

/** A request for the feed, and its answer. */
interface FeedRequest {
  readonly publishedMin: string | undefined;
  readonly status: number;
  /** Days of readings in the answer, and days with corrected ones. */
  readonly days: number;
  readonly corrections: number;
}

/** Listens on a free port of the loopback interface, until `close` or the end of the process. */
export async function startUtility(): Promise<DemoUtility> {
  const publications = buildingPublications();
  const requests: FeedRequest[] = [];
  const lines: string[] = [];
  const answerFeed = (request: IncomingMessage, response: ServerResponse): void => {
    const publishedMin = new URL(request.url ?? '', 'http://localhost').searchParams.get('published-min');
    const published = publications.filter((each) => each.published <= utility.now);
    const etag = `"${published.length}"`;
    const isUnchanged = request.headers['if-none-match'] === etag;
    const from = DateTime.fromISO(publishedMin ?? '1970-01-01T00:00:00Z');
    const given = isUnchanged ? [] : published.filter((each) => each.published >= from);
    const status = isUnchanged ? 304 : 200;
    const corrections = given.filter(({ isCorrection }) => isCorrection).length;
    const days = given.length - corrections;
    requests.push({ publishedMin: publishedMin ?? undefined, status, days, corrections });
    response.writeHead(status, {
      'content-type': 'application/atom+xml',
      date: utility.now.toHTTP() ?? '',
      etag,
    });
    response.end(isUnchanged ? undefined : greenButtonFeed(given));
  };
  const takeLines = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
      lines.push(...text.toString().split('\n'));
      response.writeHead(204).end();
    });
  };
  const server = createServer((request, response) => {
    (request.method === 'GET' ? answerFeed : takeLines)(request, response);
  });
  server.unref();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // listening on TCP
  const utility: DemoUtility = {
    feedUrl: `${origin}/espi/office`,
    databaseUrl: `${origin}?db=meters`,
    now: DateTime.fromSeconds(0),
    requests,
    lines,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return utility;
}
