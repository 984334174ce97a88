import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { messageOf, UdfError } from '../../model/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import { RateLimitedLogger } from '../../telemetry/rate-limited-logger.js';
import { listenOnPort } from '../listen-on-port.js';
import { type HttpAddress, httpUrl } from './address.js';

export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  /** Those besides its type and length. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a route may read of a request. */
export interface HttpRequest {
  readonly query: URLSearchParams;
  /** The `Host` header. */
  readonly host: string;
}

export type HttpRoute = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

/** What is served at each path, for GET and HEAD. */
export type HttpRoutes = ReadonlyMap<string, HttpRoute>;

export interface HttpServer {
  readonly url: string;
  /** Closes all connections at once. */
  close(): Promise<void>;
}

/** Above this, the connection that has been open longest is closed for a new one: idle clients cannot keep others out. */
const maxConnections = 64;
/** Max time without a byte sent or received, also within a request or a response. */
const idleTimeoutMs = 10_000;
/** Max time for a request's header to arrive, and for the next request on a connection. */
const headersTimeoutMs = 5_000;
const maxHeaderBytes = 8 * 1024;

/**
 * Serves `routes` over HTTP. No request has a body that is read, and none is trusted: sizes, times and the number of
 * connections are limited.
 *
 * Rejects with `socket_in_use`, `socket_permission` or `socket_failed` if it cannot listen.
 */
export async function startHttpServer(
  address: HttpAddress,
  routes: HttpRoutes,
  logger: Logger,
): Promise<HttpServer> {
  const failures = new RateLimitedLogger(logger);
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: idleTimeoutMs,
      keepAliveTimeout: headersTimeoutMs,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      answer(request, response, routes).catch((err: unknown) => {
        failures.error(() => ({ err: UdfError.from(err) }), `${request.url} failed: ${messageOf(err)}`);
        if (!response.headersSent) send(response, 500, 'the request failed; the log of the host says why\n');
        else response.destroy();
      });
    },
  );
  server.setTimeout(idleTimeoutMs); // without a listener, Node destroys the socket
  limitConnections(server);
  await listenOnPort(server, address, httpUrl(address));
  server.on('error', (err) => {
    failures.error(() => ({ err }), `cannot accept an HTTP connection: ${err.message}`);
  });
  const bound = server.address();
  const { port } = typeof bound === 'object' && bound !== null ? bound : address;
  return {
    url: httpUrl({ ...address, port }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, routes: HttpRoutes): Promise<void> {
  const { method = '', headers } = request;
  // Else the body would be read, to be discarded, before the connection could be used again.
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
    response.shouldKeepAlive = false;
  }
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const route = routes.get(path);
  if (!route) {
    send(response, 404, `there is no such page; there are ${[...routes.keys()].join(', ')}\n`);
    return;
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    send(response, 405, `${path} takes GET and HEAD only\n`);
    return;
  }
  const reply = await route({ query: new URLSearchParams(query), host: headers.host ?? '' });
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  send(response, reply.status, reply.body, reply.contentType);
}

function send(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body); // for HEAD, Node sends the header only
}

function limitConnections(server: Server): void {
  const open = new Set<Socket>(); // in the order of their start
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
    });
    if (open.size <= maxConnections) return;
    const [oldest] = open;
    open.delete(oldest!);
    oldest!.destroy();
  });
}
