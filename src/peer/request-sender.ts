import type { Writable } from 'node:stream';
import { payloadStart } from '../wire/framing.js';
import { FrameOutput } from '../wire/frame-output.js';
import type { LazyBatch } from '../wire/lazy-batch.js';
import { encodeRequest } from '../wire/messages.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';

const maxCoalescedBytes = 64 * 1024;

/**
 * Writes requests to an agent: each in two small writes as Kapacitor makes them, the length and the message, or
 * coalesced into one write per turn. Its methods return `false` if the stream wants a `drain` first.
 */
export class RequestSender {
  readonly #output: Writable;
  readonly #coalesced: boolean;
  readonly #frames = new FrameOutput();
  #flushScheduled = false;

  constructor(output: Writable, writes: 'as-kapacitor' | 'coalesced') {
    this.#output = output;
    this.#coalesced = writes === 'coalesced';
  }

  send(frame: Buffer): boolean {
    if (!this.#output.writable) return false;
    if (this.#coalesced) {
      this.#frames.add(frame, 0, frame.length);
      return this.#afterAdd();
    }
    const payload = payloadStart(frame, 0);
    this.#output.write(frame.subarray(0, payload));
    return this.#output.write(frame.subarray(payload));
  }

  point(point: LazyPoint): boolean {
    if (!this.#coalesced) return this.send(point.frameBytes());
    if (!this.#output.writable) return false;
    point.writeTo(this.#frames); // unlike `frameBytes`, joins adjacent frames of one buffer
    return this.#afterAdd();
  }

  batch({ name, group, tags, byName, time, points }: LazyBatch): boolean {
    this.send(encodeRequest({ kind: 'begin', name, group, tags, byName, size: BigInt(points.length) }));
    for (const point of points) this.point(point);
    // Kapacitor leaves byName out of an end.
    return this.send(encodeRequest({ kind: 'end', name, group, tags, tmax: time, byName: false }));
  }

  /** Writes any bytes, after flushing. */
  write(bytes: Uint8Array): boolean {
    this.flush();
    return this.#output.writable && this.#output.write(bytes);
  }

  flush(): void {
    for (const buffer of this.#frames.take()) if (this.#output.writable) this.#output.write(buffer);
  }

  /** Half-closes, after flushing. */
  end(): void {
    this.flush();
    this.#output.end();
  }

  #afterAdd(): boolean {
    if (this.#frames.size >= maxCoalescedBytes) this.flush();
    else this.#scheduleFlush();
    return !this.#output.writableNeedDrain;
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.flush();
    });
  }
}
