import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { messageOf } from '../model/errors.js';
import { listenOnSocket, type SocketAccess, type SocketFile } from '../host/socket-file.js';
import type { Logger } from '../telemetry/logger.js';
import { drainPendingReads } from '../transport/drain-pending-reads.js';
import { connectProblem } from '../transport/dial-unix.js';

export interface SocketProxyOptions {
  /** Where Kapacitor connects to. */
  readonly listen: string;
  /** Where the UDF listens. */
  readonly target: string;
  readonly access: SocketAccess;
  readonly logger: Logger;
  /** Called with the two ends of each connection, before a byte flows. */
  readonly onConnection: (kapacitor: Socket, udf: Socket) => void;
  /** Milliseconds that connections have to finish at the end. */
  readonly drainMs: number;
}

interface Pair {
  readonly kapacitor: Socket;
  readonly udf: Socket;
  readonly gone: Promise<void>;
}

/**
 * Stands between Kapacitor and the socket of a UDF: each connection is one to the UDF, bytes go through as they are, a
 * half-close is passed on, and whoever does not read holds up the one who writes, as without it.
 */
export class SocketProxy {
  readonly #options: SocketProxyOptions;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #file: SocketFile | undefined;

  constructor(options: SocketProxyOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true }, (kapacitor) => {
      this.#accept(kapacitor);
    });
  }

  /** Throws what `listenOnSocket` throws. To be called once. */
  async start(): Promise<void> {
    const { listen, access, logger } = this.#options;
    this.#file = await listenOnSocket(this.#server, resolve(listen), access);
    this.#server.on('error', (err) => {
      logger.error({ err }, `cannot accept a connection: ${err.message}`);
    });
  }

  /** Removes the socket's file and nothing else. */
  removeFile(): void {
    this.#file?.remove();
  }

  /**
   * Takes no more connections, and ends those that there are as Kapacitor would: what it has written goes to the UDF, then
   * the half-close, and what the UDF still sends goes to Kapacitor. Cuts them off after `drainMs`. Never rejects.
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
      logger.warn({ connections: this.#pairs.size }, `cut off: not drained within ${drainMs} ms`);
      for (const { kapacitor, udf } of this.#pairs) for (const end of [kapacitor, udf]) end.destroy();
    }, drainMs);
    await drainPendingReads(
      drainMs,
      () => Array.from(this.#pairs).reduce((sum, { kapacitor }) => sum + kapacitor.bytesRead, 0),
      () => Array.from(this.#pairs).some(({ udf }) => udf.writableLength > 0),
    );
    for (const { kapacitor, udf } of this.#pairs) {
      kapacitor.unpipe(udf);
      udf.end();
      if (kapacitor.writableFinished) kapacitor.destroy();
      else kapacitor.once('finish', () => kapacitor.destroy());
    }
    await Promise.all(Array.from(this.#pairs, ({ gone }) => gone));
    clearTimeout(timer);
  }

  #accept(kapacitor: Socket): void {
    const { target, logger, onConnection } = this.#options;
    const udf = createConnection({ path: target, allowHalfOpen: true });
    const ends = [kapacitor, udf];
    const gone = Promise.all(ends.map((end) => new Promise((closed) => end.once('close', closed))));
    const pair: Pair = { kapacitor, udf, gone: gone.then(() => undefined) };
    this.#pairs.add(pair);
    void pair.gone.then(() => this.#pairs.delete(pair));

    udf.on('error', (err) => {
      if (udf.connecting || udf.bytesRead + udf.bytesWritten === 0) {
        logger.error({ err, socket: target }, `no UDF answers on ${target}: ${connectProblem(err)}`);
      } else {
        logger.warn({ err, socket: target }, `the connection to the UDF broke: ${messageOf(err)}`);
      }
      kapacitor.destroySoon(); // what the UDF has sent before is still to arrive
    });
    kapacitor.on('error', (err) => {
      logger.debug({ err }, `Kapacitor has gone: ${messageOf(err)}`);
      udf.destroySoon();
    });
    onConnection(kapacitor, udf);
    // `pipe` stops reading where the other side does not take more, and passes on the half-close.
    kapacitor.pipe(udf);
    udf.pipe(kapacitor);
  }
}
