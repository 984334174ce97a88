import { Readable, Writable } from 'node:stream';
import type { SharedRing } from './shared-ring.js';
import type { Transport } from './transport.js';

/** Bytes that are read ahead: one chunk. */
const maxChunkBytes = 64 * 1024;

/** Max time to block for the next chunk, in which no timer or promise of the UDF runs. */
const maxBlockedMs = 0.5;

/** Chunks that are passed on before timers and messages run. */
const maxChunksPerTurn = 16;

/** A transport over two rings, with what the other thread's wake-ups call. */
export interface SharedTransport extends Transport {
  /** To be called when the other side has written, or has made room. */
  woken(): void;
  /** Ends the input once all bytes in the ring are read. */
  endInput(): void;
}

/** A transport that reads from one ring and writes to another. */
export function sharedTransport(from: SharedRing, to: SharedRing): SharedTransport {
  const input = new RingReadable(from);
  const output = new RingWritable(to);
  return {
    description: 'shared memory',
    input,
    output,
    destroy: (error) => {
      input.destroy();
      output.destroy(error);
    },
    woken: () => {
      input.pump();
      output.pump();
    },
    endInput: () => {
      input.endAfterRing();
    },
  };
}

class RingReadable extends Readable {
  readonly #ring: SharedRing;
  #wanted = false;
  #scheduled = false;
  #ends = false;
  readonly #pumpLater = (): void => {
    this.#scheduled = false;
    this.pump();
  };

  constructor(ring: SharedRing) {
    super({ highWaterMark: maxChunkBytes });
    this.#ring = ring;
  }

  override _read(): void {
    this.#wanted = true;
    // Not within `_read`: only chunks that are pushed from outside are passed on without another queue.
    this.#schedule();
  }

  pump(): void {
    for (let chunks = 0; this.#wanted && !this.destroyed; chunks++) {
      if (chunks === maxChunksPerTurn) {
        this.#schedule();
        return;
      }
      // In a stream of chunks the next one is likely to come at once; timers and promises can wait this long.
      const chunk = chunks === 0 ? this.#ring.read() : this.#ring.readWithin(maxBlockedMs);
      if (chunk === undefined) {
        if (this.#ends) {
          this.#wanted = false;
          this.push(null);
        }
        return;
      }
      this.#wanted = this.push(chunk);
    }
  }

  endAfterRing(): void {
    this.#ends = true;
    this.pump();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#pumpLater);
  }
}

class RingWritable extends Writable {
  readonly #ring: SharedRing;
  /** The chunks of the current write that are not in the ring yet, and its callback. */
  #chunks: readonly Buffer[] = [];
  #next = 0;
  #offset = 0;
  #done: (() => void) | undefined;

  constructor(ring: SharedRing) {
    super({ decodeStrings: false });
    this.#ring = ring;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#start([chunk], done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.#start(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  #start(chunks: readonly Buffer[], done: () => void): void {
    this.#chunks = chunks;
    this.#next = this.#offset = 0;
    this.#done = done;
    this.pump();
  }

  pump(): void {
    const done = this.#done;
    if (done === undefined) return;
    for (; this.#next < this.#chunks.length; this.#next++, this.#offset = 0) {
      const chunk = this.#chunks[this.#next]!;
      this.#offset += this.#ring.write(chunk, this.#offset, chunk.length);
      if (this.#offset < chunk.length) return;
    }
    this.#done = undefined;
    done();
  }
}
