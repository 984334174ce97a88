import type { Readable } from 'node:stream';
import { maxLengthBytes } from '../wire/framing.js';
import { type FrameHandler, FrameReader } from '../wire/frame-reader.js';
import { restoreTag } from '../wire/tags.js';
import type { Limits } from './limits.js';

/** A frame in the queue: `buf[frame..end)`, its payload at `payload`. */
export interface QueuedFrame {
  readonly buf: Buffer;
  readonly frame: number;
  readonly payload: number;
  readonly end: number;
}

/** Node reads at most this many bytes at once: after a chunk of this size, more is likely to be waiting. */
export const maxReadBytes = 64 * 1024;

/** Bytes of a restore request besides the snapshot: two tags, two lengths. */
const restoreOverhead = 2 + 2 * maxLengthBytes;

/** Consumed entries at the head of the queue that are tolerated before it is compacted. */
const maxConsumed = 256;

/**
 * What a connection reads: cuts the stream into frames, queues those that cannot be handled yet, and pauses the stream
 * while the queue is over its limit.
 */
export class Input {
  readonly #stream: Readable;
  readonly #reader: FrameReader;
  readonly #receive: FrameHandler;
  readonly #maxQueuedBytes: number;
  #paused = false;
  #ended = false;
  /** Consumed entries are set to undefined: they would keep the chunk that they point into alive. */
  #queue: (QueuedFrame | undefined)[] = [];
  #next = 0;
  #queuedBytes = 0;

  /** `receive` gets each frame as soon as it is complete, within `read`. */
  constructor(stream: Readable, limits: Limits, receive: FrameHandler) {
    this.#stream = stream;
    this.#receive = receive;
    this.#maxQueuedBytes = limits.inputBytes;
    this.#reader = new FrameReader(
      limits.messageBytes,
      receive,
      // A snapshot that we were able to write must also be accepted back.
      { firstByte: restoreTag, limit: limits.snapshotBytes + restoreOverhead, name: 'snapshotBytes' },
    );
  }

  /** Passes on the frames that a chunk completes. Throws `limit` or `malformed`, and what `receive` throws. */
  read(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  /** Calls `observer` with each frame, before it is handled; `undefined` ends this. Nothing is spent on it while there is none. */
  observe(observer: FrameHandler | undefined): void {
    const receive = this.#receive;
    this.#reader.setHandler(
      observer === undefined
        ? receive
        : (buf, frame, payload, end) => {
            observer(buf, frame, payload, end);
            receive(buf, frame, payload, end);
          },
    );
  }

  /** Whether the bytes so far end inside a frame. */
  get midFrame(): boolean {
    return this.#reader.midFrame;
  }

  /** Bytes that have been read but not passed to a handler: queued frames, and the incomplete one. */
  get unhandledBytes(): number {
    return this.#queuedBytes + this.#reader.partialBytes;
  }

  // ---- the queue ----

  get isEmpty(): boolean {
    return this.#next === this.#queue.length;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether more is queued than the limit allows to read ahead. */
  get isFull(): boolean {
    return this.#queuedBytes > this.#maxQueuedBytes;
  }

  push(frame: QueuedFrame): void {
    this.#queue.push(frame);
    this.#queuedBytes += frame.end - frame.frame;
  }

  /** Removes the oldest frame; the queue must not be empty. */
  shift(): QueuedFrame {
    const frame = this.#queue[this.#next]!;
    this.#queue[this.#next++] = undefined;
    this.#queuedBytes -= frame.end - frame.frame;
    if (this.#next === this.#queue.length) this.#clear();
    else if (this.#next >= maxConsumed && 2 * this.#next >= this.#queue.length) this.#compact();
    return frame;
  }

  /** Runs only when at least half of the queue is consumed, so that each frame is moved a bounded number of times. */
  #compact(): void {
    this.#queue = this.#queue.slice(this.#next);
    this.#next = 0;
  }

  #clear(): void {
    this.#queue = [];
    this.#next = 0;
    this.#queuedBytes = 0;
  }

  // ---- the stream ----

  /** Whether no more will be read: Kapacitor closed its side, or the agent drains. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Reads no more; queued frames stay. */
  end(): void {
    this.#ended = true;
    this.#stream.pause();
  }

  /** Pauses or resumes the stream; no-op if it already is as asked. */
  setPaused(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#stream.pause();
    else this.#stream.resume();
  }

  /** Drops queued frames, and ignores what is read from now on. */
  stop(): void {
    this.#reader.stop();
    this.#clear();
  }
}
