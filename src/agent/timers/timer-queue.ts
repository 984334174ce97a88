import type { TimerClock } from '../../udf/timers.js';

/** What a timer waits for: a time, or with `idle` a moment without input. */
export type GroupTimerClock = TimerClock | 'idle';

/** A timer of a group. */
export class GroupTimer {
  readonly group: number;
  readonly name: string;
  readonly clock: GroupTimerClock;
  time: bigint;
  /** Orders timers of the same time: raised with each setting. */
  order: number;
  /** The time and order of its place in a `TimerQueue`. They lag behind `time` and `order`: a timer put off keeps its place. */
  queuedTime: bigint;
  queuedOrder: number;
  /** Whether it has a place in a `TimerQueue`. */
  isQueued = false;
  /** Whether it waits for the next run; see `TimerTable.set`. */
  isDeferred = false;

  constructor(group: number, name: string, clock: GroupTimerClock, time: bigint, order: number) {
    this.group = group;
    this.name = name;
    this.clock = clock;
    this.time = this.queuedTime = time;
    this.order = this.queuedOrder = order;
  }
}

/** Places without a timer that are tolerated before the queue is rebuilt. */
const minStalePlaces = 64;

/** Timers that one call of `firstDue` puts off: callers check the time every few calls. */
const maxPutOff = 256;

/** Bits of a time that are kept apart: the others fit a double without loss, these a small integer. */
const lowBits = 21n;
const lowMask = (1n << lowBits) - 1n;

/**
 * The timers of many groups, in order of time: a binary heap.
 *
 * Most timers are put off again and again: a group that must not fall silent sets its own with each point. That costs
 * nothing here: the timer keeps its place, and moves once it comes up.
 *
 * What orders the places is kept as numbers beside the timers. With a million timers, a heap of objects spends most of its
 * time waiting for memory.
 */
export class TimerQueue {
  /** Of each place: the time in two parts, and the order. */
  #highs: number[] = [];
  #lows: number[] = [];
  #orders: number[] = [];
  /** A timer is gone from its place if it has another order now, or is not queued. */
  #timers: GroupTimer[] = [];
  #count = 0;
  readonly #isByTime: boolean;

  /** With `order`, timers are in the order of their `order` alone, and always due. */
  constructor(by: 'time' | 'order' = 'time') {
    this.#isByTime = by === 'time';
  }

  /** Adds a timer. Returns whether it became the next one. */
  add(timer: GroupTimer): boolean {
    this.#count++;
    if (this.#timers.length > 2 * this.#count + minStalePlaces) this.#rebuild();
    timer.isQueued = true;
    return this.#push(timer) === 0;
  }

  /** To be called when a timer of the queue was set to another time. Returns whether it became the next one. */
  move(timer: GroupTimer): boolean {
    if (timer.queuedTime <= timer.time) return false;
    this.remove(timer);
    return this.add(timer);
  }

  /** Removes a timer of the queue. Its place goes when it comes up. */
  remove(timer: GroupTimer): void {
    this.#count--;
    timer.isQueued = false;
  }

  /** The first timer, if it is due at `time`; `more` if many were put off, and the call is to be repeated. */
  firstDue(time: bigint): GroupTimer | 'more' | undefined {
    for (let putOff = 0; this.#timers.length > 0;) {
      const timer = this.#timers[0]!;
      if (!this.#isAt(0)) {
        this.#pop();
      } else if (timer.queuedTime > time) {
        return undefined;
      } else if (timer.queuedOrder === timer.order) {
        return timer;
      } else {
        this.#putOff(timer);
        if (++putOff === maxPutOff) return 'more';
      }
    }
    return undefined;
  }

  /** A lower bound of the next timer's time; `undefined` without timers. */
  get nextTime(): bigint | undefined {
    while (this.#timers.length > 0 && !this.#isAt(0)) this.#pop();
    return this.#timers[0]?.queuedTime;
  }

  /** Places, those without a timer included. */
  get places(): number {
    return this.#timers.length;
  }

  clear(): void {
    this.#highs = [];
    this.#lows = [];
    this.#orders = [];
    this.#timers = [];
    this.#count = 0;
  }

  #isAt(place: number): boolean {
    const timer = this.#timers[place]!;
    return timer.isQueued && timer.queuedOrder === this.#orders[place];
  }

  #push(timer: GroupTimer): number {
    const { order } = timer;
    const time = this.#isByTime ? timer.time : 0n;
    timer.queuedTime = time;
    timer.queuedOrder = order;
    const high = Number(time >> lowBits);
    const low = Number(time & lowMask);
    let place = this.#timers.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#isBefore(high, low, order, parent)) break;
      this.#copy(parent, place);
      place = parent;
    }
    this.#put(place, high, low, order, timer);
    return place;
  }

  #pop(): void {
    const timer = this.#timers.pop()!; // not empty
    const high = this.#highs.pop()!;
    const low = this.#lows.pop()!;
    const order = this.#orders.pop()!;
    if (this.#timers.length > 0) this.#sink(high, low, order, timer);
  }

  /** Moves the first timer to the place of its present time. */
  #putOff(timer: GroupTimer): void {
    const { time, order } = timer;
    timer.queuedTime = time;
    timer.queuedOrder = order;
    this.#sink(Number(time >> lowBits), Number(time & lowMask), order, timer);
  }

  /** Puts a timer at the first place, whose timer has gone, or further down. */
  #sink(high: number, low: number, order: number, timer: GroupTimer): void {
    const { length } = this.#timers;
    let place = 0;
    for (let child = 2 * place + 1; child < length; child = 2 * place + 1) {
      const right = child + 1;
      if (
        right < length &&
        this.#isBefore(this.#highs[right]!, this.#lows[right]!, this.#orders[right]!, child)
      ) {
        child = right;
      }
      if (this.#isBefore(high, low, order, child)) break;
      this.#copy(child, place);
      place = child;
    }
    this.#put(place, high, low, order, timer);
  }

  #isBefore(high: number, low: number, order: number, place: number): boolean {
    const otherHigh = this.#highs[place]!;
    if (high !== otherHigh) return high < otherHigh;
    const otherLow = this.#lows[place]!;
    return low === otherLow ? order < this.#orders[place]! : low < otherLow;
  }

  #copy(from: number, to: number): void {
    this.#put(to, this.#highs[from]!, this.#lows[from]!, this.#orders[from]!, this.#timers[from]!);
  }

  #put(place: number, high: number, low: number, order: number, timer: GroupTimer): void {
    this.#highs[place] = high;
    this.#lows[place] = low;
    this.#orders[place] = order;
    this.#timers[place] = timer;
  }

  /** Drops the places whose timers have gone. */
  #rebuild(): void {
    const timers = this.#timers.filter((_timer, place) => this.#isAt(place));
    this.#highs = [];
    this.#lows = [];
    this.#orders = [];
    this.#timers = [];
    // In order of time mostly, as a heap is: each stays near the place where it is added.
    for (const timer of timers) this.#push(timer);
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
