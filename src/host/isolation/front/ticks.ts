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
  /** The ticks since the state that a new worker starts with, and the last one before. */
  readonly #history: { readonly end: number; readonly time: bigint }[] = [];
  #wakeAtMs = NaN;
  #timer: NodeJS.Timeout | undefined;
  #isUsed = true;

  /** `due` is called when a timer is due: a tick is to follow as soon as no batch is open. */
  constructor(feed: Feed, due: () => void) {
    this.#feed = feed;
    this.#due = due;
  }

  /** Whether there are ticks. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** To be called at init for a use without timers: its workers have the system's clock, and there are no ticks. */
  disable(): void {
    this.#isUsed = false;
  }

  /** Adds the present time to the journal, before input. Not to be called within a batch. */
  addBeforeInput(): void {
    const nowMs = Date.now();
    if (nowMs !== this.#lastMs) this.#append(nowMs);
  }

  /** Adds the present time to the journal, for a timer that is due. Not to be called within a batch. */
  add(): void {
    this.#append(Date.now());
  }

  /** To be called when the time at which the worker's next timer is due may have changed; NaN if there is none. */
  wakeAt(ms: number): void {
    if (Object.is(ms, this.#wakeAtMs)) return;
    this.#wakeAtMs = ms;
    this.#wait();
  }

  /**
   * The time of a worker's clock whose state is that at a position of the journal: the worker after it starts there. Not to be
   * called for an earlier position afterwards. `undefined` if there are no ticks.
   */
  timeAt(position: number): bigint | undefined {
    if (!this.#isUsed) return undefined;
    const next = this.#history.findIndex(({ end }) => end > position);
    const passed = next === -1 ? this.#history.length : next;
    if (passed > 1) this.#history.splice(0, passed - 1);
    return passed > 0 ? this.#history[0]!.time : 0n;
  }

  end(): void {
    this.#wakeAtMs = NaN;
    clearTimeout(this.#timer);
  }

  #append(nowMs: number): void {
    this.#lastMs = nowMs;
    const time = BigInt(nowMs) * nanosPerMs;
    const frame = encodeTick({ time });
    const { journal } = this.#feed;
    journal.append(frame, 0, frame.length);
    this.#history.push({ end: journal.end, time });
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
