import { closeSync, constants, createWriteStream, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * Takes standard output for frames alone and returns it as an asynchronous stream: a reader that stalls never blocks
 * the event loop. Whatever else is printed from now on, by whatever means, goes to standard error: file descriptor 1
 * itself is pointed there.
 *
 * Returns `undefined`, with nothing changed, where the system cannot open what descriptors 1 and 2 are open on a second
 * time: they are sockets, say. Node.js has no other way to move a descriptor.
 *
 * To be called once, before any code that might print is loaded.
 */
export function claimStdout(): Writable | undefined {
  const frames = reopen(1, constants.O_NONBLOCK);
  if (frames === undefined) return undefined;
  // Tried before it matters: once descriptor 1 is closed, something must take its place.
  const errors = reopen(2, constants.O_NONBLOCK);
  if (errors === undefined) {
    closeSync(frames);
    return undefined;
  }
  closeSync(errors);
  closeSync(1);
  // The system gives the lowest free number, which is 1. Code that prints expects to wait, not to fail, when it is full.
  reopen(2, 0);
  return descriptorStream(frames);
}

/** A stream that writes to a descriptor and never blocks the event loop. */
export function descriptorStream(descriptor: number): Writable {
  const kind = fstatSync(descriptor);
  if (kind.isFIFO() || kind.isSocket()) {
    return new Socket({ fd: descriptor, readable: false, writable: true });
  }
  return createWriteStream('', { fd: descriptor });
}

/**
 * Opens what a descriptor is open on once more; `undefined` if that is impossible.
 *
 * Not a copy: the modes set here are not shared with the processes that hold the original. O_APPEND keeps what a file
 * already holds, and O_NONBLOCK keeps the call from waiting for a reader of a pipe that has none.
 */
function reopen(descriptor: 1 | 2, mode: number): number | undefined {
  for (const folder of ['/proc/self/fd', '/dev/fd']) {
    try {
      return openSync(`${folder}/${descriptor}`, constants.O_WRONLY | constants.O_APPEND | mode);
    } catch {
      // Not on this system, or not for what this descriptor is.
    }
  }
  return undefined;
}
