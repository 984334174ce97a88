import { createWriteStream, realpathSync, statSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { messageOf, systemCode, UdfError } from '../model/errors.js';

/** A file that is written beside `PATH`, under a name that no other process uses, and replaces it only when it is complete. */
export interface AtomicFile {
  /** End it before `commit`. Its errors, `invalid_config`, name the path. */
  readonly stream: Writable;
  /** Renames it to `PATH`. Rejects with `invalid_config` if that fails. */
  commit(): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

/**
 * Opens a file beside `PATH`, or `PATH` itself if it is a pipe or a device. Throws the system's error if `PATH` cannot be examined.
 */
export function createAtomicFile(path: string): AtomicFile {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing && !existing.isFile()) {
    // A pipe or a device, such as /dev/stdout, is written directly. Opening a directory fails.
    const stream = openStream(path, path);
    return { stream, commit: () => Promise.resolve(), discard: () => Promise.resolve(void stream.destroy()) };
  }
  const target = existing ? realpathSync(path) : path; // replaces what a link points to, not the link
  const part = partOf(target);
  const stream = openStream(part, path);
  return {
    stream,
    commit: () =>
      rename(part, target).catch((cause: unknown) => {
        throw writeError(path, cause);
      }),
    async discard() {
      stream.destroy();
      await rm(part, { force: true });
    },
  };
}

let partNumber = 0;

/** The end of the names of files that are being written, or were when the process was killed. */
export const partExtension = '.part';

/** A name for a file that is to replace another, which no other process uses. */
function partOf(path: string): string {
  return `${path}.${process.pid}-${++partNumber}${partExtension}`;
}

/**
 * Replaces a file's content such that, even after a loss of power, it is either the old or the new one. `write` writes it to
 * a file beside it, whose name no other process uses. Rejects with the system's error, or with what `write` throws; the
 * content is then the old one, unless only the directory could not be written to the disk.
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const part = partOf(path);
  const file = await open(part, 'w', 0o640);
  try {
    await write(file);
    await file.sync();
    await file.close();
    await rename(part, path);
  } catch (reason) {
    await file.close().catch(() => undefined); // closed already, or the disk's next error
    await rm(part, { force: true }).catch(() => undefined);
    throw reason;
  }
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync(); // else the rename may be lost
  } finally {
    await directory.close();
  }
}

/** Removes what processes that were killed have left of writing a file. Rejects with the system's error. */
export async function removeParts(path: string): Promise<void> {
  const start = `${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    const isPart = name.startsWith(start) && /^\d+-\d+\.part$/.test(name.slice(start.length));
    if (isPart) await rm(join(dirname(path), name), { force: true });
  }
}

/** Why a file cannot be written: `invalid_config`, with advice where its directory is missing. */
export function writeError(path: string, cause: unknown): UdfError {
  const advice = systemCode(cause) === 'ENOENT' ? '; make its directory first' : '';
  return new UdfError('invalid_config', `cannot write ${path}: ${messageOf(cause)}${advice}`, { cause });
}

/** Opens a file for writing. Errors name it `name`, the user's path. */
function openStream(path: string, name: string): Writable {
  const file = createWriteStream(path);
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      file.write(chunk, (error) => {
        done(error && writeError(name, error));
      });
    },
    final(done) {
      file.end(done);
    },
    destroy(error, done) {
      file.destroy();
      done(error);
    },
  });
  file.on('error', (error) => stream.destroy(writeError(name, error)));
  return stream;
}
