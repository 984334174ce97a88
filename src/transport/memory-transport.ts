import { Duplex } from 'node:stream';
import type { Transport } from './transport.js';

/** Completes a write of `Duplex`. */
type WriteDone = (error?: Error | null) => void;

/**
 * Two transports, each reading what the other writes, as a Unix socket would but within the process. Either side may
 * half-close. Once `highWaterMark` bytes are unread, a write completes only when the other side reads again.
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
  /** Completes the peer's write that is pending until this end is read. */
  #pendingWrite: WriteDone | undefined;
  /** Whether the peer has been sent EOF. */
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
    else this.peer.#pendingWrite = done;
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
    const pendingWrite = this.#pendingWrite;
    this.#pendingWrite = undefined;
    pendingWrite?.(error);
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
