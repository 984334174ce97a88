import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  parseRemoteAddress,
  type RemoteAddress,
  remoteUrl,
  requireEncryption,
} from '../host/remote/address.js';
import type { TlsFiles } from '../host/remote/tls-files.js';
import { messageOf, UdfError } from '../model/errors.js';
import { requireAnyOf } from './dependent-options.js';

/** How connections between machines are secured. */
export interface RemoteFlags {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tlsName?: string;
  readonly allowPlaintext?: true;
}

/** Adds `--tls-cert`, `--tls-key`, `--tls-ca` and `--allow-plaintext`, for the address of the option that `of` names. */
export function addRemoteOptions(command: Command, of: 'listen' | 'to' | 'remote'): Command {
  return requireAnyOf(command, ['tlsCert', 'tlsKey', 'tlsCa', 'tlsName', 'allowPlaintext'], [of])
    .option('--tls-cert <file>', 'the certificate for tls://, as PEM with those that lead to the authority')
    .option('--tls-key <file>', 'its private key, as PEM')
    .option('--tls-ca <file>', "the authority that must have signed the other side's certificate, as PEM")
    .option(
      '--allow-plaintext',
      'use tcp:// beyond this machine: all on that network can read, change and send points (default: refused)',
    );
}

export function listenOption(): Option {
  return new Option(
    '--listen <address>',
    'let proxies of other machines reach the UDFs at tls://HOST:PORT, or tcp://HOST:PORT on this machine; isolates all UDFs unless --isolate-udf names some, which are then the ones that are reached (default: none)',
  ).argParser(remoteAddress);
}

export function toOption(doc: string): Option {
  return new Option('--to <address>', doc).argParser(remoteAddress);
}

export function remoteOption(): Option {
  return new Option(
    '--remote <address>',
    'also check the host that a proxy here connects to, as proxy --to names it: tls://HOST:PORT, or tcp://HOST:PORT',
  ).argParser(remoteAddress);
}

export function tlsNameOption(of: '--to' | '--remote' = '--to'): Option {
  return new Option('--tls-name <name>', `the name in the host's certificate (default: the one in ${of})`);
}

function remoteAddress(text: string): RemoteAddress {
  try {
    return parseRemoteAddress(text);
  } catch (reason) {
    throw new InvalidArgumentError(messageOf(reason));
  }
}

/** The files for an address; `undefined` for `tcp://`. Throws `usage` if some are missing, or encryption is. */
export function remoteSettings(
  address: RemoteAddress,
  flags: RemoteFlags,
): { readonly tls: TlsFiles | undefined; readonly serverName: string | undefined } {
  const { tlsCert: cert, tlsKey: key, tlsCa: ca, tlsName: serverName, allowPlaintext = false } = flags;
  requireEncryption(address, allowPlaintext);
  const given = { cert, key, ca };
  const missing = Object.entries(given).flatMap(([name, file]) =>
    file === undefined ? [`--tls-${name}`] : [],
  );
  if (!address.tls) {
    if (missing.length < 3 || serverName !== undefined)
      throw new UdfError('usage', `${remoteUrl(address)} is not tls://, so that --tls-… has no use`);
    return { tls: undefined, serverName: undefined };
  }
  if (missing.length > 0) {
    throw new UdfError(
      'usage',
      `${remoteUrl(address)} needs ${missing.join(', ')}: both sides show certificates`,
    );
  }
  return { tls: given as TlsFiles, serverName }; // none is missing
}
