import { createConnection, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { messageOf, systemCode, UdfError } from '../../model/errors.js';
import type { UdfInfo } from '../isolation/worker/messages.js';
import { type RemoteAddress, remoteUrl } from './address.js';
import {
  formatGreeting,
  type Greeting,
  type GreetingAnswer,
  maxAnswerBytes,
  NoFirstLine,
  parseAnswer,
  readLine,
  type RefusalCode,
  VersionError,
} from './greeting.js';
import { readTlsFiles, type TlsFiles, tlsMessage } from './tls-files.js';

/** How a host on another machine is reached. */
export interface RemoteHost {
  readonly address: RemoteAddress;
  /** For `tls://`; read at each connection, so that renewed certificates are used. */
  readonly tls?: TlsFiles | undefined;
  /** The name that the host's certificate must have: that of the address if not given. */
  readonly serverName?: string | undefined;
}

/** Max time to connect, TLS included. */
const connectTimeoutMs = 10_000;
/** Max time for the host's answer. */
const answerTimeoutMs = 10_000;

/** A host has refused a greeting. */
export class RefusedGreeting extends UdfError {
  readonly refusal: RefusalCode;

  constructor(url: string, refusal: RefusalCode, text: string) {
    super('refused', `${url} refuses: ${text}`);
    this.refusal = refusal;
  }
}

/** A connection whose greeting was answered, and what has come after the answer. */
export interface GreetedConnection<Kind extends GreetingAnswer['kind']> {
  readonly socket: Socket;
  readonly answer: Extract<GreetingAnswer, { readonly kind: Kind }>;
  readonly rest: Buffer;
}

/**
 * Connects to a host and sends the greeting. Rejects with `connection` if the host cannot be reached or does not answer in
 * time, with `RefusedGreeting` if it refuses, with `protocol` if its answer cannot be parsed, and with `invalid_config` if
 * files or a certificate cannot be used.
 */
export async function dial<Kind extends 'info' | 'session'>(
  host: RemoteHost,
  greeting: Greeting,
  kind: Kind,
): Promise<GreetedConnection<Kind>> {
  const url = remoteUrl(host.address);
  const socket = await connect(host);
  try {
    socket.write(formatGreeting(greeting));
    const { line, rest } = await readLine(socket, maxAnswerBytes, answerTimeoutMs);
    const answer = parseAnswer(line);
    if (answer.kind === 'refusal') throw new RefusedGreeting(url, answer.code, answer.text);
    if (answer.kind !== kind) throw new UdfError('protocol', `a greeting was answered by "${answer.kind}"`);
    return { socket, answer: answer as GreetedConnection<Kind>['answer'], rest }; // its kind was just checked
  } catch (reason) {
    socket.destroy();
    throw reason instanceof RefusedGreeting ? reason : dialError(url, answerProblem(host, reason));
  }
}

/** What a host says of itself. */
export interface HostAnswer {
  readonly udfs: ReadonlyMap<string, UdfInfo>;
  /** When its certificate ends, in Unix milliseconds; `undefined` without TLS. */
  readonly certificateEnd: number | undefined;
}

/** The UDFs of a host, by name. Rejects as `dial` does. */
export async function remoteUdfs(host: RemoteHost): Promise<ReadonlyMap<string, UdfInfo>> {
  return (await askHost(host)).udfs;
}

/** Asks a host for its UDFs. Rejects as `dial` does. */
export async function askHost(host: RemoteHost): Promise<HostAnswer> {
  const { socket, answer } = await dial(host, { kind: 'info' }, 'info');
  const certificateEnd =
    socket instanceof TLSSocket ? Date.parse(socket.getPeerCertificate().valid_to) : undefined;
  socket.destroy();
  try {
    return { udfs: new Map(parseInfos(answer.json).map((info) => [info.name, info])), certificateEnd };
  } catch (cause) {
    throw new UdfError('protocol', `${remoteUrl(host.address)} does not name its UDFs: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** What the host says of its UDFs. It speaks our version of the protocol, so that only its outline is checked. */
function parseInfos(json: string): readonly UdfInfo[] {
  const infos: unknown = JSON.parse(json);
  const isInfo = (info: unknown): boolean =>
    typeof info === 'object' && info !== null && 'name' in info && typeof info.name === 'string';
  if (!Array.isArray(infos) || infos.length === 0 || !infos.every(isInfo)) {
    throw new Error('its answer is no list of UDFs; run the same version of kapacitor-udf on both');
  }
  return infos as UdfInfo[]; // was just checked
}

function connect({ address, tls, serverName }: RemoteHost): Promise<Socket> {
  const { host, port } = address;
  const url = remoteUrl(address);
  return new Promise((resolve, reject) => {
    const name = serverName ?? host;
    const socket = address.tls
      ? connectTls({
          host,
          port,
          ...readTlsFiles(tls, url),
          ...(isIP(name) === 0 ? { servername: name } : {}),
          minVersion: 'TLSv1.2',
        })
      : createConnection({ host, port });
    socket.setNoDelay(true);
    const settled = (): void => {
      clearTimeout(timer);
      socket.off('error', failed);
    };
    const failed = (cause: Error): void => {
      settled();
      socket.destroy();
      reject(dialError(url, cause));
    };
    const timer = setTimeout(() => {
      failed(new Error(`no connection within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    socket.once('error', failed);
    socket.once(address.tls ? 'secureConnect' : 'connect', () => {
      settled();
      resolve(socket);
    });
  });
}

/** What a host's answer to a greeting is not, as its operator can tell from it. */
function answerProblem({ address }: RemoteHost, reason: unknown): unknown {
  if (!(reason instanceof UdfError)) return reason;
  const url = remoteUrl(address);
  const { code, message } = reason;
  if (code === 'protocol') {
    const remedy =
      reason instanceof VersionError ? '' : '; give the address of a kapacitor-udf serve --listen';
    return new UdfError('protocol', `${url}: ${message}${remedy}`, { cause: reason });
  }
  if (code === 'connection' && !address.tls && reason instanceof NoFirstLine) {
    return new UdfError('connection', `${message}, as where a host listens at tls://`, { cause: reason });
  }
  return reason;
}

function dialError(url: string, reason: unknown): UdfError {
  const code = systemCode(reason) ?? (reason instanceof Error ? systemCode(reason.cause) : undefined) ?? '';
  const text = code === 'ERR_SSL_WRONG_VERSION_NUMBER' ? 'what answers there is not TLS' : tlsMessage(reason);
  if (isCertificateError(code)) {
    return new UdfError(
      'invalid_config',
      `${url}: TLS fails: ${text}; see --tls-cert, --tls-key and --tls-ca`,
      { cause: reason },
    );
  }
  if (reason instanceof UdfError && reason.code !== 'connection') return reason;
  return new UdfError('connection', `${url}: ${text}`, { cause: reason });
}

/** Whether a certificate, and not the network, is the cause: of either side, as Node.js and OpenSSL name it. */
function isCertificateError(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO|ERR_SSL|ERR_TLS|INVALID_CA|HOSTNAME/.test(code);
}
