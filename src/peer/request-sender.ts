import type { Writable } from 'node:stream';
import { payloadStart } from '../wire/frame-header.js';
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
    return this.#slice(frame, 0, frame.length);
  }

  point({ buf, frame, end }: LazyPoint): boolean {
    return this.#slice(buf, frame, end);
  }

  batch({ name, group, tags, byName, time, points }: LazyBatch): boolean {
    this.send(encodeRequest({ kind: 'begin', name, group, tags, byName, size: BigInt(points.length) }));
    for (const point of points) this.point(point);
    // Kapacitor leaves byName out of an end.
    return this.send(encodeRequest({ kind: 'end', name, group, tags, tmax: time, byName: false }));
  }

  /** Writes any bytes, after all that was sent before. */
  write(bytes: Uint8Array): boolean {
    this.flush();
    return this.#output.writable && this.#output.write(bytes);
  }

  flush(): void {
    for (const buffer of this.#frames.take()) if (this.#output.writable) this.#output.write(buffer);
  }

  /** Half-closes, after all that was sent before. */
  end(): void {
    this.flush();
    this.#output.end();
  }

  #slice(buf: Buffer, start: number, end: number): boolean {
    if (!this.#output.writable) return false;
    if (this.#coalesced) {
      this.#frames.add(buf, start, end);
      if (this.#frames.size >= maxCoalescedBytes) this.flush();
      else this.#scheduleFlush();
      return !this.#output.writableNeedDrain;
    }
    const payload = payloadStart(buf, start);
    this.#output.write(buf.subarray(start, payload));
    return this.#output.write(buf.subarray(payload, end));
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
