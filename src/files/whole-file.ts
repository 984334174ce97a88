import { createWriteStream, realpathSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { messageOf, UdfError } from '../model/errors.js';

/**
 * A file that is there only once it is whole. It is written beside its place, as `PATH.part`; until it is kept, what was
 * there before stays.
 */
export interface WholeFile {
  /** To be ended before the file is kept. Its error names the path. */
  readonly stream: Writable;
  /** Gives the file its name. Rejects with `invalid_config`. */
  keep(): Promise<void>;
  /** Leaves no trace of it. */
  discard(): Promise<void>;
}

export function wholeFile(path: string): WholeFile {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there && !there.isFile()) {
    // A pipe or a device, such as /dev/stdout, is written to as it is; a directory says that it is one.
    const stream = namedStream(path, path);
    return { stream, keep: () => Promise.resolve(), discard: () => Promise.resolve(void stream.destroy()) };
  }
  const place = there ? realpathSync(path) : path; // not the link to it
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

/** Whether two paths are of one file that is there. */
export function isSameFile(one: string, other: string): boolean {
  const [first, second] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev && first.isFile();
}

/** That a file cannot be written. */
export function notWritten(path: string, cause: unknown): UdfError {
  return new UdfError('invalid_config', `cannot write ${path}: ${messageOf(cause)}`, { cause });
}

/** A stream to a file whose errors name what the user calls it. */
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
