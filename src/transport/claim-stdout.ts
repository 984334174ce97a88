import { closeSync, constants, createWriteStream, fstatSync, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * Reserves standard output for frames and returns it as a stream that never blocks the event loop, even if its reader
 * stalls. All other output goes to standard error from now on, that of native code included: file descriptor 1 is
 * redirected.
 *
 * Returns `undefined`, with nothing changed, if descriptor 1 or 2 cannot be reopened, such as a socket, or must not be: a
 * file that others write at the same offset. Node.js has no other way to move a descriptor.
 *
 * Call it once, before loading any code that might print.
 */
export function claimStdout(): Writable | undefined {
  if (sharesOffset(1) || sharesOffset(2)) return undefined;
  const frames = reopen(1, constants.O_NONBLOCK);
  if (frames === undefined) return undefined;
  // Checked first: once descriptor 1 is closed, it must be replaced.
  const errors = reopen(2, constants.O_NONBLOCK);
  if (errors === undefined) {
    closeSync(frames);
    return undefined;
  }
  closeSync(errors);
  closeSync(1);
  // The system assigns the lowest free number, 1. It is blocking: code that prints does not expect EAGAIN.
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

/** Whether a descriptor is a file without O_APPEND: if reopened, it would write at an offset of its own, over other output. */
function sharesOffset(descriptor: number): boolean {
  if (!fstatSync(descriptor).isFile()) return false;
  try {
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1');
    const flags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? '0', 8);
    return (flags & constants.O_APPEND) === 0;
  } catch {
    return true; // unknown without /proc
  }
}

/**
 * Reopens the file of a descriptor; `undefined` if that is impossible.
 *
 * Unlike a duplicate, it does not share its flags with other processes. O_APPEND keeps a file's content, and with
 * O_NONBLOCK the call does not wait for a pipe to have a reader.
 */
function reopen(descriptor: 1 | 2, mode: number): number | undefined {
  for (const folder of ['/proc/self/fd', '/dev/fd']) {
    try {
      return openSync(`${folder}/${descriptor}`, constants.O_WRONLY | constants.O_APPEND | mode);
    } catch {
      // Not supported by this system or for this kind of descriptor.
    }
  }
  return undefined;
}
