import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type PeerCertificate, TLSSocket } from 'node:tls';
import { messageOf, UdfError } from '../../model/errors.js';
import type { Logger } from '../../telemetry/logger.js';
import { RateLimitedLogger } from '../../telemetry/rate-limited-logger.js';
import type { UdfInfo } from '../isolation/worker/messages.js';
import type { WorkerThread } from '../isolation/worker/worker-thread.js';
import { listenOnPort } from '../listen-on-port.js';
import { type RemoteAddress, remoteUrl } from './address.js';
import {
  formatAnswer,
  type Greeting,
  type GreetingAnswer,
  maxGreetingBytes,
  parseGreeting,
  readLine,
  type RefusalCode,
  VersionError,
} from './greeting.js';
import { readTlsFiles, type TlsCredentials, type TlsFiles, tlsMessage } from './tls-files.js';
import { publicInfo, WorkerSession } from './worker-session.js';

export interface RemoteServerOptions {
  readonly address: RemoteAddress;
  /** For `tls://`: clients must show a certificate that `ca` has signed. */
  readonly tls?: TlsFiles | undefined;
  /** Where each session's worker comes from. */
  readonly takeThread: () => WorkerThread;
  /** The UDFs that may be asked for, as of the last reload. */
  readonly udfs: () => readonly UdfInfo[];
  readonly maxSessions: number;
  readonly logger: Logger;
  /** Milliseconds that a session waits for a proxy that is lost: 60,000 if not given. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Milliseconds between two signs of life: 2000 if not given. */
  readonly heartbeatMs?: number | undefined;
  /** Milliseconds for TLS and the greeting each: 10,000 if not given. */
  readonly greetingTimeoutMs?: number | undefined;
  readonly onEvent: (event: RemoteServerEvent) => void;
}

/** What happens on a remote listener, for metrics. */
export type RemoteServerEvent = 'remote_session' | 'remote_resumed' | 'remote_refused';

/** Listens for proxies of other machines. */
export interface RemoteServer {
  /** With the port that the system has chosen for port 0. */
  readonly url: string;
  /** Sessions that are open, those that wait for their proxy included. */
  readonly sessions: number;
  /** Reads the certificates again, and lets the sessions continue with the present code. */
  reload(): void;
  /** Ends all sessions at once: their proxies repeat what is not acknowledged elsewhere, or later. */
  close(): Promise<void>;
}

const defaultSessionTimeoutMs = 60_000;
const defaultGreetingTimeoutMs = 10_000;

/** Connections that have not greeted yet; above it, the oldest is closed for a new one. */
const maxUngreeted = 64;

/**
 * Listens on a port for the proxies of other machines. Rejects with `socket_in_use`, `socket_permission` or `socket_failed`
 * if it cannot listen, and with `invalid_config` for files that are no certificates.
 */
export async function startRemoteServer(options: RemoteServerOptions): Promise<RemoteServer> {
  const server = new SessionServer(options);
  await server.listen();
  return server;
}

class SessionServer implements RemoteServer {
  readonly #options: RemoteServerOptions;
  readonly #server: Server;
  /** Takes new certificates, with TLS. */
  readonly #renew: ((credentials: TlsCredentials) => void) | undefined;
  readonly #sessions = new Map<string, WorkerSession>();
  readonly #ungreeted = new Set<Socket>();
  readonly #failures: RateLimitedLogger;
  #connections = 0;
  #isClosing = false;

  constructor(options: RemoteServerOptions) {
    const { address, tls, logger, greetingTimeoutMs = defaultGreetingTimeoutMs } = options;
    this.#options = options;
    this.#failures = new RateLimitedLogger(logger);
    const accept = (socket: Socket): void => {
      void this.#accept(socket, greetingTimeoutMs);
    };
    if (!address.tls) this.#server = createServer({ noDelay: true }, accept);
    else {
      const server = createTlsServer(
        {
          ...readTlsFiles(tls, remoteUrl(address)),
          requestCert: true,
          rejectUnauthorized: false, // `#accept` refuses, which can say why
          minVersion: 'TLSv1.2',
          handshakeTimeout: greetingTimeoutMs,
          noDelay: true,
        },
        accept,
      );
      server.on('tlsClientError', (reason, socket) => {
        this.#countRefusal(socket, `TLS fails: ${tlsMessage(reason)}`);
      });
      this.#server = server;
      this.#renew = (credentials) => {
        server.setSecureContext(credentials);
      };
    }
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  get url(): string {
    const bound = this.#server.address();
    const { address } = this.#options;
    return remoteUrl(
      typeof bound === 'object' && bound !== null ? { ...address, port: bound.port } : address,
    );
  }

  async listen(): Promise<void> {
    const { address } = this.#options;
    await listenOnPort(this.#server, address, remoteUrl(address));
    this.#server.on('error', (err) => {
      this.#failures.error(() => ({ err }), `cannot accept a connection: ${err.message}`);
    });
  }

  reload(): void {
    const { address, tls, logger } = this.#options;
    try {
      this.#renew?.(readTlsFiles(tls, remoteUrl(address)));
    } catch (reason) {
      logger.error({ err: UdfError.from(reason) }, `the old certificates stay: ${messageOf(reason)}`);
    }
    for (const session of this.#sessions.values()) session.announceReload();
  }

  close(): Promise<void> {
    this.#isClosing = true;
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      for (const socket of this.#ungreeted) socket.destroy();
      for (const session of [...this.#sessions.values()]) session.close('its host has stopped');
    });
  }

  async #accept(socket: Socket, withinMs: number): Promise<void> {
    this.#ungreeted.add(socket);
    if (this.#ungreeted.size > maxUngreeted) {
      const [oldest] = this.#ungreeted; // a set keeps the order
      oldest?.destroy();
    }
    socket.on('error', () => undefined); // users of the socket add listeners of their own
    if (socket instanceof TLSSocket && !socket.authorized) {
      this.#ungreeted.delete(socket);
      const text = `the certificate is not accepted: ${messageOf(socket.authorizationError)}`;
      this.#refuse(socket, 'certificate', text);
      return;
    }
    try {
      const { line, rest } = await readLine(socket, maxGreetingBytes, withinMs);
      this.#greeted(socket, parseGreeting(line), rest);
    } catch (reason) {
      const { code, message } = UdfError.from(reason);
      if (code === 'connection') {
        this.#countRefusal(socket, message);
        socket.destroy();
      } else this.#refuse(socket, reason instanceof VersionError ? 'version' : 'malformed', message);
    } finally {
      this.#ungreeted.delete(socket);
    }
  }

  #greeted(socket: Socket, greeting: Greeting, rest: Buffer): void {
    switch (greeting.kind) {
      case 'info':
        answer(socket, { kind: 'info', json: JSON.stringify(this.#options.udfs().map(publicInfo)) });
        socket.end();
        return;
      case 'new':
        this.#open(socket, greeting.udf, rest);
        return;
      case 'resume':
        this.#resume(socket, greeting, rest);
    }
  }

  #open(socket: Socket, udf: string, rest: Buffer): void {
    const {
      takeThread,
      maxSessions,
      logger,
      sessionTimeoutMs = defaultSessionTimeoutMs,
      onEvent,
    } = this.#options;
    const known = this.#options.udfs().map(({ name }) => name);
    if (!known.includes(udf)) {
      this.#refuse(socket, 'unknown_udf', `there is no UDF ${udf} here; there are ${known.join(', ')}`);
      return;
    }
    if (this.#sessions.size >= maxSessions) {
      this.#refuse(socket, 'limit', `${maxSessions} sessions are open (--max-connections)`);
      return;
    }
    const id = randomBytes(16).toString('hex');
    const name = `${remoteUrl(this.#options.address)}#${++this.#connections}`;
    const sessionLogger = logger.child({ udf, connection: name });
    const session = new WorkerSession({
      udf,
      sessionTimeoutMs,
      logger: sessionLogger,
      thread: takeThread(),
      heartbeatMs: this.#options.heartbeatMs,
      ended: () => {
        this.#sessions.delete(id);
        sessionLogger.info({}, 'the session has ended');
      },
    });
    this.#sessions.set(id, session);
    onEvent('remote_session');
    sessionLogger.info({ from: peerOf(socket) }, `a session of ${udf} begins`);
    answer(socket, { kind: 'session', session: id, received: 0 });
    session.attach(socket, rest, 0);
  }

  #resume(socket: Socket, greeting: Extract<Greeting, { kind: 'resume' }>, rest: Buffer): void {
    const session = this.#sessions.get(greeting.session);
    if (session?.udf !== greeting.udf) {
      refuse(socket, 'unknown_session', 'this host knows no such session; it may have started again');
      return;
    }
    this.#options.onEvent('remote_resumed');
    this.#options.logger.info({ udf: session.udf, from: peerOf(socket) }, 'a session is resumed');
    answer(socket, { kind: 'session', session: greeting.session, received: session.received });
    try {
      session.attach(socket, rest, greeting.received);
    } catch (reason) {
      session.close(messageOf(reason));
      socket.destroy();
    }
  }

  #refuse(socket: Socket, code: RefusalCode, text: string): void {
    this.#countRefusal(socket, text);
    refuse(socket, code, text);
  }

  #countRefusal(socket: Socket, text: string): void {
    if (this.#isClosing) return;
    this.#options.onEvent('remote_refused');
    this.#failures.error(() => ({ from: peerOf(socket) }), `a connection is refused: ${text}`);
  }
}

function refuse(socket: Socket, code: RefusalCode, text: string): void {
  answer(socket, { kind: 'refusal', code, text: text.slice(0, 1000) });
  socket.resume();
  socket.end();
  setTimeout(() => socket.destroy(), 1_000).unref(); // a client that does not read it
}

function answer(socket: Socket, given: GreetingAnswer): void {
  socket.write(formatAnswer(given));
}

/** Who connects: with TLS, also by the name in the certificate. */
function peerOf(socket: Socket): string {
  // Before the end of a handshake there is no certificate, whatever the types say.
  const certificate = (
    socket instanceof TLSSocket ? socket.getPeerCertificate() : null
  ) as Partial<PeerCertificate> | null;
  const name = certificate?.subject?.CN?.toString();
  const address = `${socket.remoteAddress}:${socket.remotePort}`;
  return name === undefined ? address : `${name} at ${address}`;
}
