import TinyQueue from 'tinyqueue';
import type { TimerClock } from '../../udf/timers.js';

/** A timer of a group. */
export interface GroupTimer {
  readonly group: number;
  readonly name: string;
  readonly clock: TimerClock;
  time: bigint;
  /** Orders timers of the same time: raised with each setting. */
  order: number;
  /** Its entry in a `TimerQueue`. */
  slot: Slot | undefined;
}

/** An entry of the heap. Its time is the timer's, or an earlier one: a timer that is put off leaves its entry in place. */
interface Slot {
  readonly timer: GroupTimer;
  time: bigint;
  order: number;
}

/** Entries without a timer that are tolerated before the heap is rebuilt. */
const minStaleSlots = 64;

/**
 * The timers of many groups, in order of time.
 *
 * Most timers are put off again and again: a group that must not fall silent sets its own with each point. That costs
 * nothing here: the entry stays where it is, and moves once it comes up.
 */
export class TimerQueue {
  #heap = new TinyQueue<Slot>([], compareTimers);
  #count = 0;

  /** To be called when a timer was set, for the first time or to another time. Returns whether it became the next one. */
  set(timer: GroupTimer, isNew: boolean): boolean {
    if (isNew) this.#count++;
    const { slot } = timer;
    if (slot !== undefined && compareTimers(slot, timer) <= 0) return false;
    timer.slot = { timer, time: timer.time, order: timer.order };
    this.#heap.push(timer.slot);
    if (this.#heap.length > 2 * this.#count + minStaleSlots) this.#rebuild();
    return this.#heap.peek() === timer.slot;
  }

  /** To be called when a timer is not set any more. */
  remove(timer: GroupTimer): void {
    this.#count--;
    timer.slot = undefined;
  }

  /** The first timer, if it is due at `time`. */
  firstDue(time: bigint): GroupTimer | undefined {
    for (;;) {
      const slot = this.#heap.peek();
      if (slot === undefined || slot.time > time) return undefined;
      const { timer } = slot;
      if (timer.slot !== slot) this.#heap.pop();
      else if (compareTimers(slot, timer) < 0) this.#putOff(slot);
      else return timer;
    }
  }

  /** A lower bound of the next timer's time; `undefined` without timers. */
  get nextTime(): bigint | undefined {
    return this.#heap.peek()?.time;
  }

  /** Entries of the heap, those without a timer included. */
  get slots(): number {
    return this.#heap.length;
  }

  clear(): void {
    this.#heap = new TinyQueue<Slot>([], compareTimers);
    this.#count = 0;
  }

  #putOff(slot: Slot): void {
    this.#heap.pop();
    slot.time = slot.timer.time;
    slot.order = slot.timer.order;
    this.#heap.push(slot);
  }

  #rebuild(): void {
    const slots = this.#heap.data.filter((slot) => slot.timer.slot === slot);
    this.#heap = new TinyQueue(slots, compareTimers);
  }
}

/** In order of time; those of the same time in the order in which they were set. */
export function compareTimers(
  a: { readonly time: bigint; readonly order: number },
  b: { readonly time: bigint; readonly order: number },
): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return a.order - b.order;
}
