import { readFileSync } from 'node:fs';
import { messageOf, UdfError } from '../model/errors.js';

/** Environment variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads a secret from the environment variable `NAME` or, as usual in containers, from the file that `NAME_FILE` names;
 * `undefined` if neither is set. Throws `invalid_config` if the file cannot be read.
 */
export function readSecret(name: string, environment: Environment): string | undefined {
  const value = environment[name];
  if (value) return value;
  const file = environment[`${name}_FILE`];
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (cause) {
    throw new UdfError('invalid_config', `${name}_FILE cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Returns the `Authorization` header for the secrets `PREFIX_USERNAME` and `PREFIX_PASSWORD`; `undefined` without a user
 * name. Throws as `readSecret` does.
 */
export function basicAuthorization(prefix: string, environment: Environment): string | undefined {
  const user = readSecret(`${prefix}_USERNAME`, environment);
  if (user === undefined) return undefined;
  const password = readSecret(`${prefix}_PASSWORD`, environment) ?? '';
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** Common names of secret URL parameters; InfluxDB 1.x and Kapacitor use `u` and `p`. */
const secretNames =
  'u|p|user|username|user[_-]?name|login|pass|passwd|password|pwd|token|access[_-]?token|auth|authorization|' +
  'api[_-]?key|key|secret|credentials?|jwt|bearer';
const secretName = new RegExp(`^(?:${secretNames})$`, 'i');

/** Whether a URL parameter of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name.trim());
}

// The lookbehind keeps a long word from being scanned again from each of its characters.
const userInfo = /(?<![a-z0-9+.-])([a-z0-9+.-]+:\/\/)[^\s'"]*@/gi;
const bareUserInfo = /(^|[\s'"=])[^\s'"@/:=]+:(?!\/\/)[^\s'"@]+@(?=[\w[])/g;
const secretParameter = new RegExp(`([?&](?:${secretNames})=)[^\\s&]*?(?=['"),;]*(?:[\\s&]|$))`, 'gi');

/**
 * Replaces credentials in URLs with `***`. A safety net behind `parseServerUrl`: a URL may also be given where none is
 * expected, such as among the files of `feed`.
 */
export function redactCredentials(message: string): string {
  return message
    .replace(userInfo, '$1***@')
    .replace(bareUserInfo, '$1***@')
    .replace(secretParameter, '$1***');
}
