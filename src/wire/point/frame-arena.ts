import { lengthSize, writeLength } from '../framing.js';
import { pointTag0, pointTag1 } from '../tags.js';

const slabBytes = 64 * 1024;

const pointTagBytes = 2;
const maxHeaderBytes = 5 + pointTagBytes + 5;

/** Where a frame lies: `buf[frame..end)`, with its Point message at `buf[body..end)`. */
export interface FrameSpan {
  readonly buf: Buffer;
  readonly frame: number;
  readonly body: number;
  readonly end: number;
}

/**
 * Memory in which Point frames are built one behind the other. Frames that are built and emitted in turn are then one
 * run of bytes, which goes out in one write with no further copy. A full slab is left to the garbage collector: the
 * socket may still be reading from it.
 */
export class FrameArena implements FrameSpan {
  buf: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  frame = 0;
  body = 0;
  end = 0;
  /** How many bytes the last header took: frames of one stream are alike, so the next one will too. */
  private headerBytes = 2 + pointTagBytes;

  /** Begins a frame whose message has at most `most` bytes, and returns where to write it. */
  open(most: number): number {
    if (this.end + maxHeaderBytes + most > this.buf.length) {
      this.buf = Buffer.allocUnsafeSlow(Math.max(slabBytes, maxHeaderBytes + most));
      this.end = 0;
    }
    this.frame = this.end;
    this.body = this.frame + this.headerBytes;
    return this.body;
  }

  /** Ends the frame where its message ends. The arena itself then tells where it lies, until the next `open`. */
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
