import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { UdfError } from '../model/errors.js';
import { FrameOutput } from '../wire/frame-output.js';
import { encodeResponse } from '../wire/messages.js';
import type { BatchHead, LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import type { Counters } from './counters.js';

/** With more unsent bytes than this, no input is handled until Kapacitor has read some. */
const maxUnblockedBytes = 256 * 1024;

/** Collected bytes that cause a flush within a turn. */
const flushBytes = 256 * 1024;

/** With fewer bytes than this, a flush waits for the next turn if more input is likely. */
const minFlushBytes = 32 * 1024;

/** From this backlog on, frames that keep large buffers in memory are copied. */
const minCompactBytes = 1024 * 1024;

/** Far below the usual `timeout` of a UDF in kapacitor.conf (10 s), after which Kapacitor gives up without a response. */
const heartbeatMs = 250;

const emitAdvice = 'a handler that emits so much returns an array, or calls "await drained()" in between';
/** What to do where a batch is more than may wait. */
export const batchAdvice = 'emit smaller batches, or raise the limit';

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
  /** Bytes that the stream holds, as of the last flush: asking the stream at every point would be slow. */
  #streamBytes = 0;
  /** Collected bytes from which on the limit may be exceeded, or a flush is due: one comparison per point. */
  #checkBytes = 0;
  /** Whether the stream will emit `drain`: it does only after exceeding its high-water mark. */
  #willDrain = false;
  #heartbeat: NodeJS.Timeout | undefined;
  /** Called with whole frames, in order, when they are handed to the stream; `undefined` if nobody looks. */
  observer: ((buffers: readonly Buffer[]) => void) | undefined;

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
    return this.#willDrain && this.#streamBytes > maxUnblockedBytes;
  }

  /** Whether all frames have been handed to the stream. */
  get isWritten(): boolean {
    return this.#frames.size === 0;
  }

  /** Bytes that are not sent yet. */
  get queuedBytes(): number {
    return this.#frames.size + this.#stream.writableLength;
  }

  /** Whether points or batches have been added. */
  get hasSentData(): boolean {
    return this.#counters.pointsOut > 0 || this.#counters.batchesOut > 0;
  }

  /** Bytes of all frames so far. */
  get addedBytes(): number {
    return this.#counters.bytesOut + this.#frames.size;
  }

  /** Bytes that the system has taken: the memory of their frames may be used again. */
  get sentBytes(): number {
    return this.#counters.bytesOut - this.#stream.writableLength;
  }

  // ---- adding frames; throws `limit` above `maxBytes` of unread output ----

  point(point: LazyPoint): void {
    this.#counters.pointsOut++;
    point.writeTo(this.#frames);
    this.#added(point);
  }

  batch(batch: LazyBatch): void {
    // Checked before it is written: points that are in it many times share their bytes until then.
    this.requireRoom(
      batch.points.reduce((bytes, { frameLength }) => bytes + frameLength, 0),
      batchAdvice,
    );
    this.#countBatch(batch.points.length);
    batch.writeTo(this.#frames);
    this.#added();
  }

  /** Forwards the received batch. It does not count towards `maxBytes`: its bytes are in memory already. */
  inputBatch(batch: LazyBatch): void {
    this.#countBatch(batch.points.length);
    const before = this.#frames.size;
    batch.writeTo(this.#frames);
    const bytes = this.#frames.size - before;
    if (bytes > flushBytes) this.#exemptLast(bytes);
    this.#added();
  }

  /** Sends a batch of `count` points, given as their frames. */
  collectedBatch(head: BatchHead, time: bigint, count: number, points: FrameOutput): void {
    this.#countBatch(count);
    const frames = this.#frames;
    addFrame(frames, encodeResponse({ ...head, kind: 'begin', size: BigInt(count) }));
    for (const buffer of points.take()) addFrame(frames, buffer);
    addFrame(frames, encodeResponse({ ...head, kind: 'end', tmax: time }));
    this.#added();
  }

  #countBatch(points: number): void {
    this.#counters.batchesOut++;
    this.#counters.pointsOut += points;
  }

  /** Adds a frame of data as it is: `buf[start..end)`, which must not change afterwards. */
  data(buf: Buffer, start: number, end: number): void {
    this.#frames.add(buf, start, end);
    this.#added();
  }

  /** Adds a response, given as one frame. */
  send(frame: Buffer): void {
    addFrame(this.#frames, frame);
    this.#added({ frameLength: frame.length });
  }

  /** Adds a snapshot's frame, in pieces, and returns its size. It does not count towards `maxBytes`, as snapshots have a limit of their own. */
  sendExempt(pieces: readonly Buffer[]): number {
    let bytes = 0;
    for (const piece of pieces) {
      addFrame(this.#frames, piece);
      bytes += piece.length;
    }
    this.#exemptLast(bytes);
    this.#added();
    return bytes;
  }

  #exemptLast(bytes: number): void {
    this.#exempt.push({ bytes, end: this.#counters.bytesOut + this.#frames.size });
  }

  /** Sends the error response that ends the conversation; without a limit, as it may report that very limit. */
  sendLast(frame: Buffer): void {
    addFrame(this.#frames, frame);
    this.flush();
  }

  /** `last`: the last frame, which may be above the limit by itself. */
  #added(last?: { readonly frameLength: number }): void {
    if (!this.#inTurn) this.#schedule();
    if (this.#frames.size < this.#checkBytes) return;
    if (this.#frames.size >= flushBytes) this.flush();
    this.requireRoom(-(last?.frameLength ?? 0));
  }

  /** Throws `limit`, with advice, unless `bytes` more may wait. */
  requireRoom(bytes: number, advice = emitAdvice): void {
    const maxBytes = this.#maxBytes;
    if (this.#streamBytes + this.#frames.size + bytes <= maxBytes) return;
    this.#streamBytes = this.#stream.writableLength; // some may have been sent since the last flush
    if (this.#streamBytes + this.#frames.size + bytes - this.#exemptBytes() <= maxBytes) return;
    throw new UdfError(
      'limit',
      `more than ${maxBytes} bytes are waiting for Kapacitor to read them (outputBytes); ${advice}`,
    );
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

  /**
   * Writes all collected frames to the stream. While it has more than it can send, few frames wait for its `drain`: each
   * write takes memory of its own, which would be many times that of a small point.
   */
  flush(): void {
    if (this.#immediate !== undefined) {
      clearImmediate(this.#immediate);
      this.#immediate = undefined;
    }
    const stream = this.#stream;
    if (stream.writableNeedDrain && this.#frames.size < flushBytes && !this.#ended) {
      this.#streamBytes = stream.writableLength;
      return;
    }
    const buffers = this.#frames.take();
    if (!stream.writable) return; // closed already
    this.observer?.(buffers);
    if (buffers.length > 1) stream.cork();
    for (const buffer of buffers) {
      this.#counters.bytesOut += buffer.length;
      stream.write(buffer);
    }
    if (buffers.length > 1) stream.uncork();
    this.#streamBytes = stream.writableLength;
    this.#checkBytes = Math.min(flushBytes, this.#maxBytes - this.#streamBytes);
    if (this.#exempt.length > 0) this.#dropSent();
    this.#willDrain = stream.writableNeedDrain;
    this.#frames.compact = this.#streamBytes > minCompactBytes;
  }

  /** Resolves when the output is not blocked. Rejects with `connection` if the connection ends before. */
  async unblocked(signal: AbortSignal): Promise<void> {
    while (this.blocked) {
      try {
        await once(this.#stream, 'drain', { signal });
      } catch (cause) {
        throw new UdfError('connection', 'the connection ended before all output was sent', { cause });
      }
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
  startHeartbeat(intervalMs: number = heartbeatMs): void {
    if (this.#heartbeat) return;
    const beat = (): void => {
      this.keepalives(1);
    };
    beat();
    this.#heartbeat = setInterval(beat, intervalMs);
  }

  /** Sends keepalive responses that nobody asked for, without a limit. */
  keepalives(count: number): void {
    const frame = encodeResponse({ kind: 'keepalive', time: BigInt(Date.now()) * 1_000_000n });
    for (let sent = 0; sent < count; sent++) addFrame(this.#frames, frame);
    this.#schedule();
  }

  stopHeartbeat(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  /** Removes exempt frames that are fully sent. */
  #dropSent(): void {
    const sent = this.#counters.bytesOut - this.#streamBytes;
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

function addFrame(frames: FrameOutput, frame: Buffer): void {
  frames.add(frame, 0, frame.length);
}
