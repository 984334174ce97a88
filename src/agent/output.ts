import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { UdfError } from '../model/errors.js';
import { FrameOutput } from '../wire/frame-output.js';
import type { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { Counters } from './counters.js';

/** Above so many unsent bytes, no further input is handled until Kapacitor has read some. */
const blockedBytes = 256 * 1024;

/** Bytes that are collected within one turn before they are handed to the socket. */
const flushBytes = 256 * 1024;

/** With fewer bytes than this, it pays to wait for what the next turn adds. */
const minWriteBytes = 32 * 1024;

/** Kapacitor gives up after `timeout` without a response, 10 s in its own examples; this leaves room for a short one. */
const heartbeatMs = 250;

/**
 * What a connection sends, in few, large writes.
 *
 * It owns the turn: while input is handled, frames are only collected, and the end of the turn sends them together.
 * What is added between turns (by an async handler, or a timer of a UDF) is sent by the next microtask.
 */
export class Output {
  readonly #stream: Writable;
  readonly #counters: Counters;
  readonly #maxBytes: number;
  readonly #frames = new FrameOutput();
  #inTurn = false;
  #ended = false;
  /** A flush by microtask is due. */
  #scheduled = false;
  #immediate: NodeJS.Immediate | undefined;
  readonly #flushNow = (): void => {
    this.flush();
  };
  /** Frames that the limit does not count: their bytes, and where in the stream they end. */
  readonly #exempt: { readonly bytes: number; readonly end: number }[] = [];
  /** Unsent bytes as of the last flush: to ask the stream at every point would be slow. */
  #waiting = 0;
  /** Whether the stream will emit `drain`; below its own high-water mark it does not. */
  #drains = false;
  #heartbeat: NodeJS.Timeout | undefined;

  /** `maxBytes` limits what waits to be read by Kapacitor. */
  constructor(stream: Writable, counters: Counters, maxBytes: number) {
    this.#stream = stream;
    this.#counters = counters;
    this.#maxBytes = maxBytes;
  }

  /** Whether input is being handled now. */
  get inTurn(): boolean {
    return this.#inTurn;
  }

  /** Whether the connection is closing or closed: nothing that is added now will be sent. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Whether Kapacitor reads more slowly than we write, as of the last flush. The result of the stream's `write()` does
   * not tell: it is false after every large write, even one that the system took at once.
   */
  get blocked(): boolean {
    return this.#drains && this.#waiting > blockedBytes;
  }

  // ---- adding frames; each throws `limit` if more is waiting than the host allows ----

  point(point: LazyPoint): void {
    this.#counters.pointsOut++;
    point.writeTo(this.#frames);
    this.#added();
  }

  batch(batch: LazyBatch): void {
    this.#counters.batchesOut++;
    this.#counters.pointsOut += batch.points.length;
    batch.writeTo(this.#frames);
    this.#added();
  }

  /** Adds a response as one whole frame. */
  send(frame: Buffer): void {
    this.#frames.add(frame, 0, frame.length);
    this.#added();
  }

  /** Adds one whole frame in pieces, which the limit does not count while any of it waits: snapshots have their own. */
  sendExempt(pieces: readonly Buffer[]): void {
    let bytes = 0;
    for (const piece of pieces) {
      this.#frames.add(piece, 0, piece.length);
      bytes += piece.length;
    }
    this.#exempt.push({ bytes, end: this.#counters.bytesOut + this.#frames.size });
    this.#added();
  }

  /** Adds the response that ends the conversation, whatever waits already. */
  sendError(frame: Buffer): void {
    this.#frames.add(frame, 0, frame.length);
  }

  #added(): void {
    if (!this.#inTurn) this.#schedule();
    if (this.#frames.size >= flushBytes) this.flush();
    if (
      this.#waiting > this.#maxBytes &&
      this.#stream.writableLength > this.#maxBytes + this.#exemptBytes()
    ) {
      throw new UdfError(
        'limit',
        `more than ${this.#maxBytes} bytes are waiting for Kapacitor to read them (outputBytes)`,
      );
    }
  }

  // ---- sending ----

  beginTurn(): void {
    this.#inTurn = true;
  }

  /**
   * Sends what the turn has added. If `more` is to be read at once and there is little to send, it waits for what comes
   * of that: to wake the reader takes as long as a hundred points. `setImmediate` runs before the event loop waits.
   */
  endTurn(more: boolean): void {
    this.#inTurn = false;
    if (more && this.#frames.size < minWriteBytes) this.#immediate ??= setImmediate(this.#flushNow);
    else this.flush();
  }

  /** Hands everything to the stream, and notes how much of it is unsent. */
  flush(): void {
    if (this.#immediate !== undefined) {
      clearImmediate(this.#immediate);
      this.#immediate = undefined;
    }
    const stream = this.#stream;
    const buffers = this.#frames.take();
    if (!stream.writable) return; // closed already
    if (buffers.length > 1) stream.cork();
    for (const buffer of buffers) {
      this.#counters.bytesOut += buffer.length;
      stream.write(buffer);
    }
    if (buffers.length > 1) stream.uncork();
    this.#waiting = stream.writableLength;
    if (this.#exempt.length > 0) this.#dropSent();
    this.#drains = stream.writableNeedDrain;
  }

  /** Resolves when it is no longer blocked. Rejects if the stream fails or `signal` aborts. */
  async unblocked(signal: AbortSignal): Promise<void> {
    while (this.blocked) {
      await once(this.#stream, 'drain', { signal });
      this.flush();
    }
  }

  /** Sends what there is; what is added later is lost. */
  end(): void {
    this.#ended = true;
    this.stopHeartbeat();
    this.flush();
  }

  /** Sends `frame` now and regularly, until `stopHeartbeat`. No limit counts it: there is no handler to tell. */
  startHeartbeat(frame: () => Buffer): void {
    if (this.#heartbeat) return;
    const beat = (): void => {
      const bytes = frame();
      this.#frames.add(bytes, 0, bytes.length);
      this.#schedule();
    };
    beat();
    this.#heartbeat = setInterval(beat, heartbeatMs);
  }

  stopHeartbeat(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  /** Forgets the exempt frames that the system has taken. */
  #dropSent(): void {
    const sent = this.#counters.bytesOut - this.#waiting;
    while (this.#exempt.length > 0 && this.#exempt[0]!.end <= sent) this.#exempt.shift();
  }

  #exemptBytes(): number {
    return this.#exempt.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}
