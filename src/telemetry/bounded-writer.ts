import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { systemCode } from '../model/errors.js';

export interface BoundedWriterOptions {
  /** Max bytes that wait for the reader; more is dropped. 1 MiB if not given. */
  readonly maxBytes?: number | undefined;
  /** Called with the number of dropped writes as soon as there is room again, and at the exit. */
  readonly onDropped?: ((count: number) => void) | undefined;
}

const defaultMaxBytes = 1024 * 1024;
/** The last quarter of the buffer is reserved for urgent writes. */
const urgentShare = 4;
const retryMs = 20;
/** Min time between attempts while lines are dropped. */
const minRetryMs = 1;
/** Max bytes of one system call; a pipe takes 64 KiB. */
const maxWriteBytes = 64 * 1024;

/** At the exit: max time without progress, max time in all, and time between two attempts. */
const exitStallMs = 250;
const exitTimeoutMs = 2_000;
const exitRetryMs = 5;

/**
 * Writes to a descriptor without ever waiting for its reader. What a reader does not take at once waits in a buffer; when
 * that is full, whole writes are dropped and counted. At the exit of the process, the rest is written as long as a reader
 * takes it. Never throws: what cannot be written is dropped.
 *
 * Writes on the calling thread, as a line costs two microseconds so. A thread that writes, libuv's or a worker, would be
 * caught in the system call by a reader that stalls, and the exit of the process waits for its threads.
 */
export class BoundedWriter {
  /** Set by a logger, for example, that writes a line about it. */
  onDropped: ((count: number) => void) | undefined;
  readonly #fd: number;
  readonly #maxBytes: number;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #dropped = 0;
  #totalDropped = 0;
  /** Whether the last write has failed, other than by blocking. */
  #isFailing = false;
  /** Whether a write was cut off by a failure, so that the next one has to start a new line. */
  #isTorn = false;
  #timer: NodeJS.Timeout | undefined;
  #attemptedAt = 0;
  readonly #flushAtExit = (): void => {
    this.#flushForExit();
  };

  /** `fd` must not block: see `nonBlocking`. */
  constructor(fd: number, { maxBytes = defaultMaxBytes, onDropped }: BoundedWriterOptions = {}) {
    this.#fd = fd;
    this.#maxBytes = maxBytes;
    this.onDropped = onDropped;
  }

  /** Writes that were dropped and reported since the start. */
  get totalDropped(): number {
    return this.#totalDropped;
  }

  /** The descriptor that it writes to. */
  get fd(): number {
    return this.#fd;
  }

  /** Writes whole lines, or drops them all. Urgent ones also use the part of the buffer that is kept for them. */
  write(lines: string | Uint8Array, isUrgent = false): void {
    if (this.#isFull(lines, isUrgent)) {
      // The reader may have made room since the last attempt.
      if (performance.now() - this.#attemptedAt >= minRetryMs) this.#flush();
      if (this.#isFull(lines, isUrgent)) {
        this.#dropped++;
        return;
      }
    }
    if (this.#queue.length > 0) {
      this.#enqueue(Buffer.from(lines as string)); // the overloads do not take the union
      return;
    }
    const bytes = Buffer.from(lines as string); // as above
    const written = this.#attempt(bytes, 1);
    if (written < bytes.length) this.#enqueue(bytes.subarray(written));
    else if (this.#dropped > 0 && !this.#isFailing) this.#reportDropped();
  }

  /** Once anything is dropped, all that is not urgent is until there is room, so that one notice tells of one gap. */
  #isFull(lines: string | Uint8Array, isUrgent: boolean): boolean {
    if (this.#queue.length === 0) return false;
    if (this.#dropped > 0 && !isUrgent) return true;
    const max = isUrgent ? this.#maxBytes : this.#maxBytes - this.#maxBytes / urgentShare;
    return this.#queuedBytes + Buffer.byteLength(lines) > max;
  }

  #enqueue(bytes: Buffer): void {
    if (this.#queue.length === 0) process.on('exit', this.#flushAtExit);
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#retryLater();
  }

  #retryLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, retryMs).unref();
  }

  /** Writes what the reader takes. */
  #flush(): void {
    let isBlocked = false;
    this.#attemptedAt = performance.now();
    while (this.#queue.length > 0 && !isBlocked) {
      const { bytes, count } = this.#takeChunk();
      const written = this.#attempt(bytes, count);
      this.#queuedBytes -= written;
      isBlocked = written < bytes.length;
      if (isBlocked) this.#queue.unshift(bytes.subarray(written));
    }
    if (isBlocked) this.#retryLater();
    else process.off('exit', this.#flushAtExit);
    if (this.#dropped > 0 && !this.#isFailing && this.#queuedBytes <= this.#maxBytes / 2)
      this.#reportDropped();
  }

  /** Removes the oldest writes from the queue, as one buffer of at most `maxWriteBytes` unless the first is larger. */
  #takeChunk(): { readonly bytes: Buffer; readonly count: number } {
    let count = 1;
    let size = this.#queue[0]!.length; // the queue is not empty
    while (count < this.#queue.length && size + this.#queue[count]!.length <= maxWriteBytes) {
      size += this.#queue[count++]!.length;
    }
    const taken = this.#queue.splice(0, count);
    return { bytes: count === 1 ? taken[0]! : Buffer.concat(taken, size), count };
  }

  #reportDropped(): void {
    const count = this.#dropped;
    this.#dropped = 0;
    this.#totalDropped += count;
    this.onDropped?.(count);
  }

  /**
   * Writes without waiting, and returns the number of bytes that are done. If writing fails, as it does once the reader is
   * gone or the disk is full, that is all of them, and the `count` writes are dropped.
   */
  #attempt(bytes: Buffer, count: number): number {
    let at = 0;
    try {
      if (this.#isTorn) writeSync(this.#fd, '\n');
      this.#isTorn = false;
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at);
      this.#isFailing = false;
    } catch (reason) {
      if (systemCode(reason) === 'EAGAIN') return at;
      this.#isFailing = true;
      this.#isTorn ||= at > 0;
      this.#dropped += count;
    }
    return bytes.length;
  }

  #flushForExit(): void {
    const end = performance.now() + exitTimeoutMs;
    let lastProgress = performance.now();
    while (this.#queue.length > 0) {
      const before = this.#queuedBytes;
      this.#flush();
      const now = performance.now();
      if (this.#queuedBytes < before) lastProgress = now;
      else if (now - lastProgress >= exitStallMs || now >= end) return;
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, exitRetryMs);
    }
  }
}

/**
 * A descriptor of the same file whose writes do not block. A regular file is never full, so it stays as it is.
 *
 * A pipe or terminal is opened anew: O_NONBLOCK on the descriptor itself would be set for other processes that share it. A
 * socket cannot be opened anew; Node.js makes it non-blocking with the stream of `process`, and sets it back at the exit.
 */
export function nonBlocking(fd: 1 | 2): number {
  try {
    if (fstatSync(fd).isFile()) return fd;
    const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants;
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY);
  } catch {
    const stream: { readonly fd?: number } = fd === 1 ? process.stdout : process.stderr; // opened by reading it
    return stream.fd ?? fd;
  }
}
