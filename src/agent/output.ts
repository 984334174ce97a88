import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { UdfError } from '../model/errors.js';
import { FrameOutput } from '../wire/frame-output.js';
import { encodeResponse } from '../wire/messages.js';
import type { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { Counters } from './counters.js';

/** With more unsent bytes than this, no input is handled until Kapacitor has read some. */
const maxUnblockedBytes = 256 * 1024;

/** Collected bytes that cause a flush within a turn. */
const flushBytes = 256 * 1024;

/** With fewer bytes than this, a flush waits for the next turn if more input is likely. */
const minFlushBytes = 32 * 1024;

/** Far below the usual `timeout` of a UDF in kapacitor.conf (10 s), after which Kapacitor gives up without a response. */
const heartbeatMs = 250;

/**
 * The output of a connection, sent in few, large writes.
 *
 * A turn is one synchronous run of input handling. Frames added in a turn are collected and sent at its end. Frames added
 * between turns (by an async handler, or a timer of a UDF) are sent by the next microtask.
 */
export class Output {
  readonly #stream: Writable;
  readonly #counters: Counters;
  readonly #maxBytes: number;
  readonly #frames = new FrameOutput();
  #inTurn = false;
  #ended = false;
  /** Whether a microtask will flush. */
  #scheduled = false;
  /** The flush that `endTurn` has postponed. */
  #immediate: NodeJS.Immediate | undefined;
  readonly #flushNow = (): void => {
    this.flush();
  };
  /** Unsent frames that do not count towards the limit; `end` is their end's offset in all output. */
  readonly #exempt: { readonly bytes: number; readonly end: number }[] = [];
  /** Unsent bytes as of the last flush: asking the stream at every point would be slow. */
  #unsentBytes = 0;
  /** Whether the stream will emit `drain`: it does only after exceeding its high-water mark. */
  #willDrain = false;
  #heartbeat: NodeJS.Timeout | undefined;

  /** `maxBytes` limits the output that Kapacitor has not read yet. */
  constructor(stream: Writable, counters: Counters, maxBytes: number) {
    this.#stream = stream;
    this.#counters = counters;
    this.#maxBytes = maxBytes;
  }

  /** Whether a turn is under way. */
  get inTurn(): boolean {
    return this.#inTurn;
  }

  /** Whether the connection is closing or closed: frames added now are lost. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Whether Kapacitor reads more slowly than we write, as of the last flush. The result of the stream's `write()` cannot
   * be used: it is false after every large write, even if the system took all of it at once.
   */
  get blocked(): boolean {
    return this.#willDrain && this.#unsentBytes > maxUnblockedBytes;
  }

  /** Bytes that are not sent yet. */
  get queuedBytes(): number {
    return this.#frames.size + this.#stream.writableLength;
  }

  // ---- adding frames; throws `limit` above `maxBytes` of unread output ----

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

  /** Adds a response, given as one frame. */
  send(frame: Buffer): void {
    this.#frames.add(frame, 0, frame.length);
    this.#added();
  }

  /** Adds a snapshot's frame, in pieces, and returns its size. It does not count towards `maxBytes`, as snapshots have a limit of their own. */
  sendExempt(pieces: readonly Buffer[]): number {
    let bytes = 0;
    for (const piece of pieces) {
      this.#frames.add(piece, 0, piece.length);
      bytes += piece.length;
    }
    this.#exempt.push({ bytes, end: this.#counters.bytesOut + this.#frames.size });
    this.#added();
    return bytes;
  }

  /** Adds the error response that ends the conversation; without a limit, as it may report that very limit. */
  sendError(frame: Buffer): void {
    this.#frames.add(frame, 0, frame.length);
  }

  #added(): void {
    if (!this.#inTurn) this.#schedule();
    if (this.#frames.size >= flushBytes) this.flush();
    if (
      this.#unsentBytes > this.#maxBytes &&
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
   * Sends what the turn has added. If more input is likely at once and there is little to send, the flush waits for the
   * next turn: waking the reader costs as much as a hundred points. `setImmediate` flushes before the event loop blocks.
   */
  endTurn(expectsMore: boolean): void {
    this.#inTurn = false;
    if (expectsMore && this.#frames.size < minFlushBytes) this.#immediate ??= setImmediate(this.#flushNow);
    else this.flush();
  }

  /** Writes all collected frames to the stream. */
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
    this.#unsentBytes = stream.writableLength;
    if (this.#exempt.length > 0) this.#dropSent();
    this.#willDrain = stream.writableNeedDrain;
  }

  /** Resolves when the output is not blocked. Rejects if the stream fails or `signal` aborts. */
  async unblocked(signal: AbortSignal): Promise<void> {
    while (this.blocked) {
      await once(this.#stream, 'drain', { signal });
      this.flush();
    }
  }

  /** Flushes; frames added later are lost. */
  end(): void {
    this.#ended = true;
    this.stopHeartbeat();
    this.flush();
  }

  /**
   * Sends keepalive responses, now and regularly until `stopHeartbeat`: while reading is paused, Kapacitor's keepalive
   * requests stay unread, but any response resets its timer. `maxBytes` does not apply, as no caller could handle the error.
   */
  startHeartbeat(): void {
    if (this.#heartbeat) return;
    const beat = (): void => {
      const frame = encodeResponse({ kind: 'keepalive', time: BigInt(Date.now()) * 1_000_000n });
      this.#frames.add(frame, 0, frame.length);
      this.#schedule();
    };
    beat();
    this.#heartbeat = setInterval(beat, heartbeatMs);
  }

  stopHeartbeat(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  /** Removes exempt frames that are fully sent. */
  #dropSent(): void {
    const sent = this.#counters.bytesOut - this.#unsentBytes;
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
