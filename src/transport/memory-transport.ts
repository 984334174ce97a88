import { Duplex } from 'node:stream';
import type { Transport } from './transport.js';

/** How one end of a pair takes bytes from the other. */
type WriteDone = (error?: Error | null) => void;

/**
 * Two transports, each reading what the other writes, as a Unix socket would but within the process. Either side may
 * half-close. Once `highWaterMark` bytes wait to be read, a write completes only when the other side has read on.
 *
 * Writing to an end that was destroyed fails with `EPIPE`.
 */
export function memoryTransportPair(
  options: { readonly highWaterMark?: number } = {},
): [Transport, Transport] {
  const { highWaterMark = 64 * 1024 } = options;
  const one = new MemoryEnd(highWaterMark);
  const other = new MemoryEnd(highWaterMark);
  one.peer = other;
  other.peer = one;
  return [transportOf(one), transportOf(other)];
}

function transportOf(end: MemoryEnd): Transport {
  return {
    description: 'memory',
    input: end,
    output: end,
    destroy: (error) => {
      end.destroy(error);
    },
  };
}

class MemoryEnd extends Duplex {
  peer!: MemoryEnd;
  /** The peer's write that waits until we read on. */
  #waiting: WriteDone | undefined;
  /** Whether the peer has been told that no more comes from here. */
  #ended = false;

  constructor(highWaterMark: number) {
    super({ highWaterMark, allowHalfOpen: true });
  }

  override _read(): void {
    this.#release();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    if (this.peer.destroyed) done(brokenPipe());
    else if (this.peer.push(chunk)) done();
    else this.peer.#waiting = done;
  }

  override _final(done: WriteDone): void {
    this.#endPeer();
    done();
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    this.#release(brokenPipe());
    this.#endPeer();
    done(error);
  }

  #release(error?: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(error);
  }

  #endPeer(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.peer.destroyed) this.peer.push(null);
  }
}

function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE: the other end is closed'), { code: 'EPIPE' });
}
