import { maxIdleWaitMs } from '../../../agent/timers/idle-turns.js';
import { encodeTick } from '../../../agent/timers/tick.js';
import type { Feed } from '../supervisor/feed.js';

/** Max time to the next look at the system's clock, which may be set meanwhile. */
const maxWaitMs = 30_000;

const nanosPerMs = 1_000_000n;

/**
 * Tells workers the time of day, as frames of the journal: before the input that has come then, when a timer is due, and, for
 * those that wait for it, when no input waits. A
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
  /** Where the last idle tick ends. */
  #idleEnd = 0;
  /** When an idle tick is due although input waits. */
  #idleAtMs = 0;
  #idleCheck: NodeJS.Immediate | undefined;
  /** Whether the tick that is due is an idle one. */
  #isIdleDue = false;
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
    const isIdle = this.#isIdleDue;
    this.#isIdleDue = false;
    this.#append(Date.now(), isIdle);
    if (!isIdle) return;
    this.#idleEnd = this.#feed.journal.end;
    this.#idleAtMs = performance.now() + maxIdleWaitMs;
  }

  /** To be called with each acknowledgement: `ms` is its `wakeAtMs`. */
  wakeAt(ms: number): void {
    if (ms === -Infinity) this.#idleCheck ??= setImmediate(this.#checkIdle);
    else if (this.#idleCheck) {
      clearImmediate(this.#idleCheck);
      this.#idleCheck = undefined;
    }
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
    this.wakeAt(NaN);
  }

  /** After the input that has come meanwhile: one idle tick at a time, when all before it is handled. */
  readonly #checkIdle = (): void => {
    this.#idleCheck = undefined;
    const { acknowledged, unhandledBytes } = this.#feed;
    if (acknowledged < this.#idleEnd) return; // checked again with its acknowledgement
    if (unhandledBytes > 0 && performance.now() < this.#idleAtMs) return;
    this.#isIdleDue = true;
    this.#due();
  };

  #append(nowMs: number, isIdle = false): void {
    this.#lastMs = nowMs;
    const time = BigInt(nowMs) * nanosPerMs;
    const frame = encodeTick({ time, isIdle });
    const { journal } = this.#feed;
    journal.append(frame, 0, frame.length);
    this.#history.push({ end: journal.end, time });
  }

  #wait(): void {
    clearTimeout(this.#timer);
    const waitMs = this.#wakeAtMs - Date.now();
    if (!Number.isFinite(waitMs)) return;
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
