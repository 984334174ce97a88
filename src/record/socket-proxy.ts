import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { messageOf } from '../model/errors.js';
import { listenOnSocket, type SocketAccess, type SocketFile } from '../host/socket-file.js';
import type { Logger } from '../telemetry/logger.js';
import { drainPendingReads } from '../transport/drain-pending-reads.js';
import { connectProblem } from '../transport/dial-unix.js';

export interface SocketProxyOptions {
  /** Path of the socket that Kapacitor connects to. */
  readonly listen: string;
  /** Path of the UDF's socket. */
  readonly target: string;
  readonly access: SocketAccess;
  readonly logger: Logger;
  /** Called with both sockets of each connection, before any byte flows. */
  readonly onConnection: (kapacitor: Socket, udf: Socket) => void;
  /** Max time for connections to finish in `stop`. */
  readonly drainMs: number;
}

/** A connection from Kapacitor and its counterpart to the UDF. */
interface ProxiedConnection {
  readonly kapacitor: Socket;
  readonly udf: Socket;
  /** Resolves when both are closed. */
  readonly closed: Promise<void>;
}

/**
 * A proxy between Kapacitor and the socket of a UDF. Bytes, half-closes and back-pressure pass through unchanged.
 */
export class SocketProxy {
  readonly #options: SocketProxyOptions;
  readonly #server: Server;
  readonly #connections = new Set<ProxiedConnection>();
  #file: SocketFile | undefined;

  constructor(options: SocketProxyOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true }, (kapacitor) => {
      this.#accept(kapacitor);
    });
  }

  /** Listens. Call once. Rejects as `listenOnSocket` does. */
  async start(): Promise<void> {
    const { listen, access, logger } = this.#options;
    this.#file = await listenOnSocket(this.#server, resolve(listen), access);
    this.#server.on('error', (err) => {
      logger.error({ err }, `cannot accept a connection: ${err.message}`);
    });
  }

  /** Removes the socket file only. */
  removeFile(): void {
    this.#file?.remove();
  }

  /**
   * Stops accepting connections and ends the open ones as Kapacitor does: forwards what it has written, half-closes the
   * UDF, and forwards the UDF's remaining output. Destroys connections after `drainMs`. Never rejects.
   */
  async stop(): Promise<void> {
    const { drainMs, logger } = this.#options;
    try {
      this.removeFile();
    } catch (err) {
      logger.warn({ err }, 'the socket file cannot be removed; the next start replaces it');
    }
    this.#server.close();
    const timer = setTimeout(() => {
      logger.warn({ connections: this.#connections.size }, `cut off: not drained within ${drainMs} ms`);
      for (const { kapacitor, udf } of this.#connections)
        for (const socket of [kapacitor, udf]) socket.destroy();
    }, drainMs);
    await drainPendingReads(
      drainMs,
      () => Array.from(this.#connections).reduce((sum, { kapacitor }) => sum + kapacitor.bytesRead, 0),
      () => Array.from(this.#connections).some(({ udf }) => udf.writableLength > 0),
    );
    for (const { kapacitor, udf } of this.#connections) {
      kapacitor.unpipe(udf);
      udf.end();
      if (kapacitor.writableFinished) kapacitor.destroy();
      else kapacitor.once('finish', () => kapacitor.destroy());
    }
    await Promise.all(Array.from(this.#connections, ({ closed }) => closed));
    clearTimeout(timer);
  }

  #accept(kapacitor: Socket): void {
    const { target, logger, onConnection } = this.#options;
    const udf = createConnection({ path: target, allowHalfOpen: true });
    const sockets = [kapacitor, udf];
    const closed = Promise.all(
      sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    );
    const connection = { kapacitor, udf, closed: closed.then(() => undefined) };
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));

    udf.on('error', (err) => {
      if (udf.connecting || udf.bytesRead + udf.bytesWritten === 0) {
        logger.error({ err, socket: target }, `no UDF answers on ${target}: ${connectProblem(err)}`);
      } else {
        logger.warn({ err, socket: target }, `the connection to the UDF broke: ${messageOf(err)}`);
      }
      kapacitor.destroySoon(); // after the UDF's pending output
    });
    kapacitor.on('error', (err) => {
      logger.debug({ err }, `Kapacitor has gone: ${messageOf(err)}`);
      udf.destroySoon();
    });
    onConnection(kapacitor, udf);
    // `pipe` propagates back-pressure and half-closes.
    kapacitor.pipe(udf);
    udf.pipe(kapacitor);
  }
}
