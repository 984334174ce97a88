import type { Ack } from '../worker/acks.js';
import { Journal } from './journal.js';

/** A worker, as its input is fed to it. */
export interface FeedTarget {
  /** Gives it input, as much as there is room for. */
  feed(bytes: Buffer): number;
  /** Whether all that it was given is handled. */
  readonly isSettled: boolean;
  readonly handledBytes: number;
}

/**
 * Feeds a connection's input to a worker and, after that worker's end, from its last snapshot to the next one, so that the
 * output is the same as if there had been one.
 *
 * While a worker repeats what another one had acknowledged, its output is dropped. What the other one had sent beyond that
 * is dropped too, by the number of frames: so it need not be the same bytes, if a handler depends on the clock.
 */
export class Feed {
  readonly journal = new Journal();
  #target: FeedTarget | undefined;
  /** The position up to which the current worker was fed. */
  #fed = 0;
  #farthest = 0;
  /** The position up to which the current worker has acknowledged. */
  #handled = 0;
  /** The position up to which any worker has acknowledged: the output of what is before it has been forwarded. */
  #acknowledged = 0;
  /** Frames of output that were forwarded since the last acknowledgement. */
  #forwarded = 0;
  /** Frames of output that are still to be dropped, once the worker is at `#acknowledged`. */
  #toDrop = 0;
  /** Most refusals since `#acknowledged` in any worker; `#forwarded` and `#toDrop` count from the last of them. */
  #refusals = 0;
  /** Refusals since then in the current worker. */
  #passedRefusals = 0;
  /** A position, and the bytes that the worker had handled there: requests are bytes without a position. */
  #origin = { position: 0, handledBytes: 0 };
  #isEnding = false;

  /** The position up to which all input is handled, and its output forwarded. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The position up to which the current worker was fed. */
  get fed(): number {
    return this.#fed;
  }

  /** The position up to which any worker was fed. */
  get farthest(): number {
    return Math.max(this.#farthest, this.#fed);
  }

  /** Bytes of input that are not handled yet. */
  get unhandledBytes(): number {
    return this.journal.end - this.#acknowledged;
  }

  /** The first boundary between two frames that the worker has not been fed beyond. */
  nextBoundary(): number {
    let boundary = this.#handled;
    this.journal.visitFrames(this.#handled, ({ end }) => {
      if (boundary >= this.#fed) return false;
      boundary = end;
      return true;
    });
    return boundary;
  }

  /** Where the frame starts that ends at `end`; `acknowledged` if all before `end` is handled. */
  frameStart(end: number): number {
    let start = this.#acknowledged;
    this.journal.visitFrames(this.#handled, (span) => {
      if (span.end > end) return false;
      if (span.end === end) start = span.start;
      return true;
    });
    return start;
  }

  /** Whether the worker still repeats what an earlier one has done. */
  get isRepeating(): boolean {
    return this.#handled < this.#acknowledged || this.#toDrop > 0 || this.#passedRefusals < this.#refusals;
  }

  /** Starts feeding a settled worker whose state is that at `position`. */
  begin(target: FeedTarget, position: number): void {
    this.#target = target;
    this.#farthest = this.farthest;
    this.#fed = this.#handled = position;
    this.#toDrop = this.#forwarded;
    this.#passedRefusals = 0;
    this.#isEnding = false;
    this.rebase();
  }

  /** To be called when a settled worker has handled bytes that are no input: those of a request. */
  rebase(): void {
    this.#origin = { position: this.#handled, handledBytes: this.#target!.handledBytes };
  }

  /** Stops feeding: the worker has ended. */
  stop(): void {
    this.#target = undefined;
  }

  /** Feeds input up to `limit`. Returns whether all of it is handled. */
  advance(limit: number): boolean {
    const target = this.#target;
    if (target === undefined) return false;
    for (;;) {
      const barrier = this.#barrier(limit);
      while (this.#fed < barrier) {
        const bytes = this.journal.read(this.#fed, barrier);
        const count = target.feed(bytes);
        this.#fed += count;
        if (count < bytes.length) return false;
      }
      if (!target.isSettled) return false;
      if (this.#fed >= limit) return true;
    }
  }

  /** Where feeding has to wait until all is handled: what follows has not been repeated. */
  #barrier(limit: number): number {
    return this.#handled < this.#acknowledged ? Math.min(limit, this.#acknowledged) : limit;
  }

  /** The worker has acknowledged input. */
  handled({ handled, ahead }: Ack): void {
    const { position, handledBytes } = this.#origin;
    this.#handled = position + handled - handledBytes;
    if (this.#handled <= this.#acknowledged) return;
    this.#acknowledged = this.#handled;
    // An earlier worker may have come further in one turn: the rest of its output belongs to what follows. What comes before a
    // refusal that is still to be repeated is not counted: it is dropped anyway.
    const isBeforeRefusal = this.#passedRefusals < this.#refusals;
    this.#forwarded = this.#toDrop + (isBeforeRefusal ? 0 : ahead.frames);
    this.#refusals -= this.#passedRefusals - ahead.refusals;
    this.#passedRefusals = ahead.refusals;
  }

  /** The worker refuses a run of a handler. Output that the run emitted in other workers does not follow. */
  refused(): void {
    if (this.#handled < this.#acknowledged) return;
    if (++this.#passedRefusals <= this.#refusals) return;
    this.#refusals = this.#passedRefusals;
    this.#forwarded = this.#toDrop = 0;
  }

  /** The worker was told that the input has ended: its output belongs to `stop` from now on. */
  end(): void {
    this.#isEnding = true;
  }

  /** Whether a frame of output, which has just come, is new. */
  isNew(): boolean {
    if (this.#handled < this.#acknowledged || this.#passedRefusals < this.#refusals) return false;
    // With no input under way, it comes from the UDF's own `setTimeout`, which no later worker repeats.
    if (this.#target!.isSettled && !this.#isEnding) return true;
    if (this.#toDrop > 0) {
      this.#toDrop--;
      return false;
    }
    this.#forwarded++;
    return true;
  }
}
