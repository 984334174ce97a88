const slabBytes = 64 * 1024;

/** Runs from this size on are sent in place; copying a shorter one costs less than a buffer of its own in the write. */
const sendInPlaceBytes = 4096;

/**
 * Collects frames in order, in as few buffers as possible.
 *
 * Adjacent frames (points forwarded or built one after the other) form one run, which is not copied; scattered short
 * runs are copied into a slab. A point costs a few comparisons, and the socket gets one large write per turn instead of
 * thousands of small ones.
 */
export class FrameOutput {
  /**
   * While the output waits long for its reader: copies each run that is a small part of its buffer, as a short slice would
   * keep the whole buffer in memory.
   */
  compact = false;
  /** Finished buffers, in order. */
  private buffers: Buffer[] = [];
  private bufferBytes = 0;
  /** The current run, which the next frame may extend: `run[runStart..runEnd)`. */
  private run: Buffer = empty;
  private runStart = 0;
  private runEnd = 0;
  /** Memory for copies of short runs: `slab[slabStart..slabEnd)` is not in `buffers` yet. */
  private slab: Buffer = empty;
  private slabStart = 0;
  private slabEnd = 0;

  /** Bytes collected since the last `take`. */
  get size(): number {
    return this.bufferBytes + (this.slabEnd - this.slabStart) + (this.runEnd - this.runStart);
  }

  /** Adds whole frames: `buf[start..end)`. The bytes must not change afterwards, as they may not be copied. */
  add(buf: Buffer, start: number, end: number): void {
    if (start === this.runEnd && buf === this.run) {
      this.runEnd = end;
      return;
    }
    this.closeRun();
    this.run = buf;
    this.runStart = start;
    this.runEnd = end;
  }

  /** Returns all collected bytes in order, and starts afresh. */
  take(): Buffer[] {
    this.closeRun();
    this.run = empty; // a reference to a read buffer would keep it in memory until the next point
    this.runStart = this.runEnd = 0;
    this.closeSlab();
    const taken = this.buffers;
    this.buffers = [];
    this.bufferBytes = 0;
    return taken;
  }

  private closeRun(): void {
    const size = this.runEnd - this.runStart;
    if (size === 0) return;
    if (size >= sendInPlaceBytes && !(this.compact && 2 * size < this.run.buffer.byteLength)) {
      this.closeSlab();
      this.push(this.run.subarray(this.runStart, this.runEnd));
      return;
    }
    // Every slab is filled to its end: what is not used of it would stay in memory too.
    let start = this.runStart;
    while (start < this.runEnd) {
      if (this.slabEnd === this.slab.length) this.openSlab();
      const copied = this.run.copy(this.slab, this.slabEnd, start, this.runEnd);
      this.slabEnd += copied;
      start += copied;
    }
  }

  private openSlab(): void {
    this.closeSlab();
    this.slab = Buffer.allocUnsafeSlow(slabBytes);
    this.slabStart = this.slabEnd = 0;
  }

  private closeSlab(): void {
    if (this.slabEnd > this.slabStart) this.push(this.slab.subarray(this.slabStart, this.slabEnd));
    this.slabStart = this.slabEnd;
  }

  private push(buffer: Buffer): void {
    this.buffers.push(buffer);
    this.bufferBytes += buffer.length;
  }
}

const empty = Buffer.alloc(0);
