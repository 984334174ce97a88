import type { Writable } from 'node:stream';
import { UdfError } from '../model/errors.js';
import type { FrameOutput } from '../wire/frame-output.js';
import type { Counters } from './counters.js';

/** Above so many bytes on their way, no further input is worked on until Kapacitor has read some. */
const blockedBytes = 256 * 1024;

/** Within one turn so much is collected before it is handed to the socket. */
const flushBytes = 256 * 1024;

/** Less than this is worth waiting for more. */
const littleBytes = 32 * 1024;

/** Sends frames in few, large writes: those of one turn together, or of several when there is little to send. */
export class Sender {
  readonly #output: Writable;
  readonly #frames: FrameOutput;
  readonly #counters: Counters;
  readonly #limitBytes: number;
  #scheduled = false;
  #immediate: NodeJS.Immediate | undefined;
  readonly #flushNow = (): void => {
    this.flush();
  };
  /** What the limit does not count, see `sendExempt`: how many bytes, and where in the stream they end. */
  readonly #exempt: { readonly bytes: number; readonly end: number }[] = [];
  /** Bytes that the system had not taken when last seen: asking the stream with every point would be slow. */
  #waiting = 0;
  /** Whether the stream will tell when all has been taken; below its own high-water mark it does not. */
  #drains = false;

  constructor(output: Writable, frames: FrameOutput, counters: Counters, limitBytes: number) {
    this.#output = output;
    this.#frames = frames;
    this.#counters = counters;
    this.#limitBytes = limitBytes;
  }

  /**
   * Whether Kapacitor reads more slowly than we write, as of the last `flush`. The stream's own `write()` result does
   * not tell: it is false after every large write, even one that the system took at once.
   */
  get blocked(): boolean {
    return this.#drains && this.#waiting > blockedBytes;
  }

  /** Adds one whole frame. */
  send(frame: Buffer): void {
    this.#frames.add(frame, 0, frame.length);
  }

  /** Adds one whole frame in pieces, which the limit does not count as long as any of it waits. */
  sendExempt(pieces: readonly Buffer[]): void {
    let bytes = 0;
    for (const piece of pieces) {
      this.#frames.add(piece, 0, piece.length);
      bytes += piece.length;
    }
    this.#exempt.push({ bytes, end: this.#counters.bytesOut + this.#frames.size });
  }

  /** Sends one small frame soon, whatever waits already: nobody is there who could be told of a limit. */
  sendHeartbeat(frame: Buffer): void {
    this.send(frame);
    this.#schedule();
  }

  /** To be called when frames were added. Throws `limit` if more is waiting than the host allows. */
  added(inTurn: boolean): void {
    if (!inTurn) this.#schedule();
    if (this.#frames.size >= flushBytes) this.flush();
    if (
      this.#waiting > this.#limitBytes &&
      this.#output.writableLength > this.#limitBytes + this.#exemptBytes()
    ) {
      throw new UdfError(
        'limit',
        `more than ${this.#limitBytes} bytes are waiting for Kapacitor to read them (outputBytes)`,
      );
    }
  }

  /**
   * Ends a turn. If `more` is to be read at once and there is little to send, it goes out together with what comes of
   * that: to wake the reader takes as long as a hundred points. It waits for nothing: the event loop comes to it before
   * it looks for events again.
   */
  endTurn(more: boolean): void {
    if (more && this.#frames.size < littleBytes) this.#immediate ??= setImmediate(this.#flushNow);
    else this.flush();
  }

  /** Hands everything to the stream, and sees how much of it is still waiting. */
  flush(): void {
    if (this.#immediate !== undefined) {
      clearImmediate(this.#immediate);
      this.#immediate = undefined;
    }
    const output = this.#output;
    const buffers = this.#frames.take();
    if (!output.writable) return; // closed already: what a handler emits after the end goes nowhere
    if (buffers.length > 1) output.cork();
    for (const buffer of buffers) {
      this.#counters.bytesOut += buffer.length;
      output.write(buffer);
    }
    if (buffers.length > 1) output.uncork();
    this.#waiting = output.writableLength;
    if (this.#exempt.length > 0) this.#dropTaken();
    this.#drains = output.writableNeedDrain;
  }

  /** Forgets the exempt frames that the system has taken. */
  #dropTaken(): void {
    const taken = this.#counters.bytesOut - this.#waiting;
    while (this.#exempt.length > 0 && this.#exempt[0]!.end <= taken) this.#exempt.shift();
  }

  #exemptBytes(): number {
    return this.#exempt.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** A handler that emits while it waits for something is not in a turn of ours: what it emits goes out soon all the same. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}
