import { isIP } from 'node:net';
import { UdfError } from '../../model/errors.js';

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** Only this machine's own processes reach a server that is not given a host. */
const defaultHost = '127.0.0.1';

const hostName = /^(?=.{1,253}$)[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*$/i;

/**
 * Parses `PORT`, `HOST:PORT` or `[IPV6]:PORT`; port 0 lets the system choose one. Throws `invalid_config` if the text is
 * none of these.
 */
export function parseHttpAddress(text: string): HttpAddress {
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]*)\]|([^:]*)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const isHost =
    bracketed === undefined
      ? plain === undefined || isIP(plain) === 4 || (hostName.test(plain) && !/^[\d.]+$/.test(plain))
      : isIP(bracketed) === 6;
  if (isHost && port > 65_535) throw new UdfError('invalid_config', `the port ${digits} is above 65535`);
  if (digits === undefined || !isHost) {
    throw new UdfError(
      'invalid_config',
      `"${text}" is not an address; write it as 9091, 0.0.0.0:9091, host:9091 or [::1]:9091`,
    );
  }
  return { host: bracketed ?? plain ?? defaultHost, port };
}

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 6) return /^(0*:)*:?0*1$/.test(host);
  return isIP(host) === 4 ? host.startsWith('127.') : host.toLowerCase() === 'localhost';
}

/** Whether the `Host` header of a request names this machine by a name that no other site can have. */
export function isLoopbackName(header: string): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(header) ?? [];
  return isLoopback(bracketed ?? plain ?? '');
}

/** The URL of an address. */
export function httpUrl({ host, port }: HttpAddress): string {
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
