import { encodeTick } from '../../../agent/timers/tick.js';
import type { Feed } from '../supervisor/feed.js';

/** Max time to the next look at the system's clock, which may be set meanwhile. */
const maxWaitMs = 30_000;

const nanosPerMs = 1_000_000n;

/**
 * Tells workers the time of day, as frames of the journal: before the input that has come then, and when a timer is due. A
 * worker's clock moves with them alone, so that what its successor repeats happens at the same times.
 */
export class Ticks {
  readonly #feed: Feed;
  readonly #due: () => void;
  #lastMs = NaN;
  #wakeAtMs = NaN;
  #timer: NodeJS.Timeout | undefined;

  /** `due` is called when a timer is due: a tick is to follow as soon as no batch is open. */
  constructor(feed: Feed, due: () => void) {
    this.#feed = feed;
    this.#due = due;
  }

  /** Adds the present time to the journal, before input. Not to be called within a batch. */
  addBeforeInput(): void {
    const nowMs = Date.now();
    if (nowMs !== this.#lastMs) this.#append(nowMs, false);
  }

  /** Adds the present time to the journal, for a timer that is due. Not to be called within a batch. */
  add(): void {
    this.#append(Date.now(), false);
  }

  /** Adds the present time such that the timers due by then are dropped without a call: they have ended two workers. */
  addDropping(): void {
    this.#append(Date.now(), true);
  }

  /** To be called when the time at which the worker's next timer is due may have changed; NaN if there is none. */
  wakeAt(ms: number): void {
    if (Object.is(ms, this.#wakeAtMs)) return;
    this.#wakeAtMs = ms;
    this.#wait();
  }

  end(): void {
    this.#wakeAtMs = NaN;
    clearTimeout(this.#timer);
  }

  #append(nowMs: number, drops: boolean): void {
    this.#lastMs = nowMs;
    const frame = encodeTick({ time: BigInt(nowMs) * nanosPerMs, drops });
    this.#feed.journal.append(frame, 0, frame.length);
  }

  #wait(): void {
    clearTimeout(this.#timer);
    const waitMs = this.#wakeAtMs - Date.now();
    if (Number.isNaN(waitMs)) return;
    this.#timer = setTimeout(
      () => {
        if (Date.now() < this.#wakeAtMs) {
          this.#wait();
          return;
        }
        const hasTick = this.#lastMs >= this.#wakeAtMs && this.#feed.unhandledBytes > 0;
        this.#wakeAtMs = NaN; // the worker may ask for the same time again
        if (!hasTick) this.#due();
      },
      Math.min(Math.max(waitMs, 0), maxWaitMs),
    );
    this.#timer.unref(); // the connection keeps the process alive
  }
}
