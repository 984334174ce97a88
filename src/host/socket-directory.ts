import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, systemCode, UdfError } from '../model/errors.js';

/** Directory of the sockets by default. */
export const defaultSocketDir = '/var/run/kapacitor-udf';

const extension = '.sock';

/** The path of a UDF's socket in a directory. */
export function socketPathIn(directory: string, udf: string): string {
  return join(directory, udf + extension);
}

/** Names of the UDFs with a socket in a directory, sorted. Throws `socket_failed` if there is none. */
export function udfsWithSocket(directory: string): string[] {
  let files: string[];
  try {
    files = readdirSync(directory);
  } catch (cause) {
    const problem =
      systemCode(cause) === 'ENOENT'
        ? 'there is no such directory; is the host running, with this --socket-dir?'
        : messageOf(cause);
    throw new UdfError('socket_failed', `no UDF answers in ${directory}: ${problem}`, { cause });
  }
  const names = files
    .filter((file) => file.endsWith(extension))
    .map((file) => file.slice(0, -extension.length));
  if (names.length === 0) {
    throw new UdfError(
      'socket_failed',
      `no UDF answers in ${directory}: there is no socket; is the host running?`,
    );
  }
  return names.sort();
}
