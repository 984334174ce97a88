import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { removeParts, replaceFile, writeError } from '../files/atomic-file.js';
import { listenOnSocket, type SocketFile } from '../host/socket-file.js';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { readResume, type SourceState } from './resume-content.js';

/** The states of sources in a file that is replaced as a whole; without a path they are kept in memory. */
export class ResumeFile {
  readonly #path: string | undefined;
  readonly #target: string;
  readonly #sources: Map<string, SourceState>;
  readonly #unlock: () => void;

  private constructor(
    path: string | undefined,
    target: string,
    sources: Map<string, SourceState>,
    unlock: () => void,
  ) {
    this.#path = path;
    this.#target = target;
    this.#sources = sources;
    this.#unlock = unlock;
  }

  /**
   * Reads the file, and keeps other processes from it until `close`; an absent one is empty. Rejects with `invalid_config` if
   * it is unreadable or not such a file, if it is about another target, if its directory cannot be written to, or if another
   * process uses it. `target` names where the data go: another one lacks what this file says has been taken.
   */
  static async open(path: string | undefined, target: string): Promise<ResumeFile> {
    if (path === undefined) return new ResumeFile(path, target, new Map(), () => undefined);
    const { isBeside, unlock } = await lock(path);
    try {
      const sources = await read(path, target);
      // Those of processes that were killed: none that lives can write while this one has the lock.
      if (isBeside) await removeParts(path);
      return new ResumeFile(path, target, sources, unlock);
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
    const content = { version: 1, target: this.#target, sources: Object.fromEntries(this.#sources) };
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

async function read(path: string, target: string): Promise<Map<string, SourceState>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return new Map();
    throw new UdfError('invalid_config', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  let resume: ReturnType<typeof readResume>;
  try {
    resume = readResume(text);
  } catch (cause) {
    throw new UdfError(
      'invalid_config',
      `${path} is no file of --resume (${messageOf(cause)}); name another one, or remove it to fetch everything again`,
      { cause },
    );
  }
  if (resume.target !== undefined && resume.target !== target) {
    throw new UdfError(
      'invalid_config',
      `${path} says what has been taken to ${resume.target}, not to ${target}; name another file, remove it to fetch everything again, or, if the data were moved, write the new target into it`,
    );
  }
  return resume.sources;
}

/** A lock: `isBeside` if it holds for all who see the file, not only for those who share the directory for temporary files. */
interface Lock {
  readonly isBeside: boolean;
  readonly unlock: () => void;
}

/**
 * Locks a file by a Unix socket beside it: the system closes it with its process, however that ends. Where its path is too long
 * for one, or the file system has none, the socket is in the directory for temporary files.
 */
async function lock(path: string): Promise<Lock> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // the other side is gone
    socket.end();
  });
  server.unref();
  const lockOf = (isBeside: boolean, file: SocketFile): Lock => ({
    isBeside,
    unlock: () => {
      file.remove();
      server.close();
    },
  });
  const beside = await tryLock(server, path, `${path}.lock`);
  if (beside) return lockOf(true, beside);
  const elsewhere = await tryLock(server, path, await temporaryLock(path)).catch((reason: unknown) => {
    if (isInUse(reason)) throw reason;
    return undefined; // nor can it be locked there
  });
  return elsewhere ? lockOf(false, elsewhere) : { isBeside: false, unlock: () => undefined };
}

/** Resolves to `undefined` if there can be no socket at the path. */
async function tryLock(server: Server, path: string, socket: string): Promise<SocketFile | undefined> {
  try {
    return await listenOnSocket(server, socket, { mode: 0o600, gid: undefined });
  } catch (reason) {
    const { code, cause } = UdfError.from(reason);
    if (code === 'socket_permission' || systemCode(cause) === 'EROFS')
      throw writeError(path, cause ?? reason);
    if (code !== 'socket_in_use') return undefined;
    throw new UdfError(
      'invalid_config',
      `another process uses ${path}; stop it, or give each feed a file of its own`,
      { cause: reason },
    );
  }
}

function isInUse(reason: unknown): boolean {
  return reason instanceof UdfError && UdfError.from(reason.cause).code === 'socket_in_use';
}

/** The same for all spellings of a path. */
async function temporaryLock(path: string): Promise<string> {
  const file = join(await realpath(dirname(path)), basename(path));
  const name = createHash('sha256').update(file).digest('hex').slice(0, 24);
  return join(tmpdir(), `kapacitor-udf-${userInfo().uid}-${name}.lock`);
}
