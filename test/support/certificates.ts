import { fileURLToPath } from 'node:url';

/** A file of certificates/, whose script says what there is. */
export function certificateFile(name: string): string {
  return fileURLToPath(new URL(`certificates/${name}`, import.meta.url));
}

/** Options for TLS with a certificate and its key, trusting an authority. */
export function tlsArgs(name: string, authority = 'authority'): string[] {
  return [
    ...['--tls-cert', certificateFile(`${name}.pem`)],
    ...['--tls-key', certificateFile(`${name}.key`)],
    ...['--tls-ca', certificateFile(`${authority}.pem`)],
  ];
}
