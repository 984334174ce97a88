import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { replaceFile, writeError } from '../files/atomic-file.js';
import { listenOnSocket } from '../host/socket-file.js';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { readSources, type SourceState } from './resume-content.js';

/** The states of sources in a file that is replaced as a whole; without a path they are kept in memory. */
export class ResumeFile {
  readonly #path: string | undefined;
  readonly #sources: Map<string, SourceState>;
  readonly #unlock: () => void;

  private constructor(path: string | undefined, sources: Map<string, SourceState>, unlock: () => void) {
    this.#path = path;
    this.#sources = sources;
    this.#unlock = unlock;
  }

  /**
   * Reads the file, and keeps other processes from it until `close`; an absent one is empty. Rejects with `invalid_config` if
   * it is unreadable or not such a file, if its directory cannot be written to, or if another process uses it.
   */
  static async open(path: string | undefined): Promise<ResumeFile> {
    if (path === undefined) return new ResumeFile(path, new Map(), () => undefined);
    const unlock = await lock(path);
    try {
      return new ResumeFile(path, await read(path), unlock);
    } catch (reason) {
      unlock();
      throw reason;
    }
  }

  get(source: string): SourceState {
    return this.#sources.get(source) ?? { lastIntervals: {} };
  }

  /** Rejects with `invalid_config` if the file cannot be written; it then has its former content. */
  async set(source: string, state: SourceState): Promise<void> {
    this.#sources.set(source, state);
    if (this.#path === undefined) return;
    const content = { version: 1, sources: Object.fromEntries(this.#sources) };
    try {
      await replaceFile(this.#path, (file) => file.writeFile(`${JSON.stringify(content)}\n`));
    } catch (cause) {
      throw writeError(this.#path, cause);
    }
  }

  /** Lets other processes use the file. */
  close(): void {
    this.#unlock();
  }
}

async function read(path: string): Promise<Map<string, SourceState>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return new Map();
    throw new UdfError('invalid_config', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  try {
    return readSources(text);
  } catch (cause) {
    throw new UdfError(
      'invalid_config',
      `${path} is no file of --resume (${messageOf(cause)}); name another one, or remove it to fetch everything again`,
      { cause },
    );
  }
}

/**
 * Locks a file by a Unix socket beside it: the system closes it with its process, however that ends. Without a lock where the
 * file system has no sockets or the path is too long for one.
 */
async function lock(path: string): Promise<() => void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // the other side is gone
    socket.end();
  });
  server.unref();
  try {
    const file = await listenOnSocket(server, `${path}.lock`, { mode: 0o600, gid: undefined });
    return () => {
      file.remove();
      server.close();
    };
  } catch (reason) {
    const { code, cause } = UdfError.from(reason);
    if (code === 'socket_permission' || systemCode(cause) === 'EROFS')
      throw writeError(path, cause ?? reason);
    if (code !== 'socket_in_use') return () => undefined;
    throw new UdfError(
      'invalid_config',
      `another process uses ${path}; stop it, or give each feed a file of its own`,
      { cause: reason },
    );
  }
}
