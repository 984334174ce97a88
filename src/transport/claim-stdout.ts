import { closeSync, constants, createWriteStream, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * Takes standard output for frames alone and returns it as an asynchronous stream: a reader that stalls never blocks
 * the event loop. Whatever else is printed from now on, by whatever means, goes to standard error: file descriptor 1
 * itself is pointed there.
 *
 * Where the system cannot open a descriptor a second time (a socket, or no /proc), `process.stdout` is diverted
 * instead, and only code that writes to descriptor 1 by number still reaches the frames.
 *
 * To be called once, before any code that might print is loaded.
 */
export function claimStdout(): Writable {
  const frames = reopen(1);
  if (frames === undefined) return divertProcessStdout();
  // Tried before it matters: once descriptor 1 is closed, something must take its place.
  const errors = reopen(2);
  if (errors !== undefined) closeSync(errors);
  closeSync(1);
  // The system gives the lowest free number, which is 1.
  if (errors === undefined) {
    openSync('/dev/null', constants.O_WRONLY);
    divertProcessStdout();
  } else {
    reopen(2);
  }
  return streamOn(frames);
}

/**
 * Opens what a descriptor is open on once more; `undefined` if that is impossible.
 *
 * Not a copy: the modes set here are not shared with the processes that hold the original. O_NONBLOCK also keeps the
 * call from waiting for a reader of a pipe that has none, and O_APPEND what a file already holds.
 */
function reopen(descriptor: 1 | 2): number | undefined {
  for (const folder of ['/proc/self/fd', '/dev/fd']) {
    try {
      return openSync(
        `${folder}/${descriptor}`,
        constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK,
      );
    } catch {
      // Not on this system, or not for what this descriptor is.
    }
  }
  return undefined;
}

function streamOn(descriptor: number): Writable {
  const kind = fstatSync(descriptor);
  if (kind.isFIFO() || kind.isSocket()) {
    return new Socket({ fd: descriptor, readable: false, writable: true });
  }
  return createWriteStream('', { fd: descriptor });
}

/** `console` follows, since it looks up `process.stdout` when it is first used. */
function divertProcessStdout(): Writable {
  const { stdout } = process;
  Object.defineProperty(process, 'stdout', {
    configurable: true,
    enumerable: true,
    get: () => process.stderr,
  });
  return stdout;
}
