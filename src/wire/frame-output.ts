const slabBytes = 64 * 1024;

/** Runs of at least so many bytes are sent from where they are; a shorter one is cheaper to copy than to send alone. */
const sendInPlaceBytes = 4096;

/**
 * Collects frames in order, as few buffers as can be.
 *
 * Neighbours in one buffer (points that are passed on in turn, or built in turn) stay one run and are never copied.
 * What lies scattered is copied together. So the cost per point that goes out is a few comparisons, and a socket gets
 * one large write per turn instead of thousands of small ones.
 */
export class FrameOutput {
  /** Finished buffers, in order. */
  private buffers: Buffer[] = [];
  private bufferBytes = 0;
  /** The run that may still grow: `run[runStart..runEnd)`. */
  private run: Buffer = empty;
  private runStart = 0;
  private runEnd = 0;
  /** Where scattered frames are copied together: `slab[slabStart..slabEnd)` is not in `buffers` yet. */
  private slab: Buffer = empty;
  private slabStart = 0;
  private slabEnd = 0;

  /** Bytes collected and not yet taken. */
  get size(): number {
    return this.bufferBytes + (this.slabEnd - this.slabStart) + (this.runEnd - this.runStart);
  }

  /** Adds whole frames: `buf[start..end)`, which must not change any more. */
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

  /** Takes all that was collected. */
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
    if (size >= sendInPlaceBytes) {
      this.closeSlab();
      this.push(this.run.subarray(this.runStart, this.runEnd));
      return;
    }
    if (this.slabEnd + size > this.slab.length) {
      this.closeSlab();
      this.slab = Buffer.allocUnsafeSlow(slabBytes);
      this.slabStart = this.slabEnd = 0;
    }
    this.run.copy(this.slab, this.slabEnd, this.runStart, this.runEnd);
    this.slabEnd += size;
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
