import { createWriteStream, realpathSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { messageOf, UdfError } from '../model/errors.js';

/**
 * A file that appears only when it is complete. It is written as `PATH.part`; until `keep`, a file at `PATH` stays as it
 * is.
 */
export interface WholeFile {
  /** Must be ended before `keep`. Its errors name the path. */
  readonly stream: Writable;
  /** Renames the file to `PATH`. Rejects with `invalid_config`. */
  keep(): Promise<void>;
  /** Removes `PATH.part`. */
  discard(): Promise<void>;
}

export function wholeFile(path: string): WholeFile {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there && !there.isFile()) {
    // A pipe or a device, such as /dev/stdout, is written to directly; for a directory, opening it fails.
    const stream = namedStream(path, path);
    return { stream, keep: () => Promise.resolve(), discard: () => Promise.resolve(void stream.destroy()) };
  }
  const place = there ? realpathSync(path) : path; // a link stays a link
  const part = `${place}.part`;
  const stream = namedStream(part, path);
  return {
    stream,
    keep: () =>
      rename(part, place).catch((cause: unknown) => {
        throw notWritten(path, cause);
      }),
    async discard() {
      stream.destroy();
      await rm(part, { force: true });
    },
  };
}

/** Whether two paths name the same existing file. */
export function isSameFile(one: string, other: string): boolean {
  const [first, second] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev && first.isFile();
}

/** The error for a file that cannot be written. */
export function notWritten(path: string, cause: unknown): UdfError {
  return new UdfError('invalid_config', `cannot write ${path}: ${messageOf(cause)}`, { cause });
}

/** A stream to a file whose errors name the file as the user does. */
function namedStream(path: string, name: string): Writable {
  const file = createWriteStream(path);
  const named = new Writable({
    write(chunk: Buffer, _encoding, done) {
      file.write(chunk, (error) => {
        done(error && notWritten(name, error));
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
  file.on('error', (error) => named.destroy(notWritten(name, error)));
  return named;
}
