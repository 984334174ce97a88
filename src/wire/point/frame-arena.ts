import { lengthSize, writeLength } from '../framing.js';
import { pointTag0, pointTag1 } from '../tags.js';

const slabBytes = 64 * 1024;

const pointTagBytes = 2;
const maxHeaderBytes = 5 + pointTagBytes + 5;

/** The position of a frame: `buf[frame..end)`, with its Point message at `buf[body..end)`. */
export interface FrameSpan {
  readonly buf: Buffer;
  readonly frame: number;
  readonly body: number;
  readonly end: number;
}

/**
 * Memory in which Point frames are built one after the other. Frames that are emitted in the order in which they were
 * built form one run of bytes, which is sent in one write without another copy. A full slab is not reused but left to
 * the garbage collector, since the socket may still be reading from it.
 */
export class FrameArena implements FrameSpan {
  buf: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  frame = 0;
  body = 0;
  end = 0;
  /**
   * The size of the last header. A frame's size is known only at its end: its message is written behind a header of
   * this size, and moved if the header turns out otherwise, which is rare as frames of one stream are of similar size.
   */
  private headerBytes = 2 + pointTagBytes;

  /** Begins a frame whose message has at maxBytes `maxBytes` bytes, and returns where to write it. */
  open(maxBytes: number): number {
    if (this.end + maxHeaderBytes + maxBytes > this.buf.length) {
      this.buf = Buffer.allocUnsafeSlow(Math.max(slabBytes, maxHeaderBytes + maxBytes));
      this.end = 0;
    }
    this.frame = this.end;
    this.body = this.frame + this.headerBytes;
    return this.body;
  }

  /**
   * Writes the header of a frame whose message ends at `end`. Returns the arena itself, valid until the next `open`.
   */
  close(end: number): FrameSpan {
    const { buf, frame } = this;
    const size = end - this.body;
    const payload = pointTagBytes + lengthSize(size) + size;
    const headerBytes = lengthSize(payload) + pointTagBytes + lengthSize(size);
    if (headerBytes !== this.headerBytes) {
      buf.copyWithin(frame + headerBytes, this.body, end);
      this.headerBytes = headerBytes;
    }
    const at = writeLength(buf, frame, payload);
    buf[at] = pointTag0;
    buf[at + 1] = pointTag1;
    this.body = writeLength(buf, at + 2, size);
    this.end = this.body + size;
    return this;
  }
}
