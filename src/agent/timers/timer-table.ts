import { UdfError } from '../../model/errors.js';
import type { TimerClock } from '../../udf/timers.js';
import { type GroupHead, type HeadSource, headOf } from './group-head.js';
import { compareTimers, type GroupTimer, TimerQueue } from './timer-queue.js';
import type { WallClock } from './wall-clock.js';

/** Max timers of a group: names that are made up per point would fill the memory. */
export const maxTimersPerGroup = 1_000;

/** The timers of all groups of an instance, by the groups' indexes in the `GroupTable`. */
export class TimerTable {
  readonly clock: WallClock;
  /** A group's timers, by name. Few, so a list. */
  readonly #timers: (GroupTimer[] | undefined)[] = [];
  readonly #heads: (GroupHead | undefined)[] = [];
  readonly #connection = new TimerQueue();
  readonly #wall = new TimerQueue();
  #count = 0;
  #order = 0;
  #fired = 0;
  #hasEnded = false;

  constructor(clock: WallClock) {
    this.clock = clock;
  }

  /** Timers that are set. */
  get size(): number {
    return this.#count;
  }

  /** Timers that have fired. */
  get fired(): number {
    return this.#fired;
  }

  /** Sets a timer, and keeps the group's head if it is the first. Throws `handler` above `maxTimersPerGroup`. */
  set(group: number, name: string, clock: TimerClock, time: bigint, source: HeadSource | undefined): void {
    if (this.#hasEnded) return;
    if (source !== undefined && this.#heads[group] === undefined) this.#heads[group] = headOf(source);
    const found = this.#find(group, name);
    if (found?.clock === clock) {
      found.time = time;
      found.order = ++this.#order;
      this.#enqueue(found, false);
      return;
    }
    if (found) this.#remove(found);
    this.add({ group, name, clock, time, order: ++this.#order, slot: undefined });
  }

  /** Adds a timer that the group does not have yet. */
  add(timer: GroupTimer): void {
    const timers = (this.#timers[timer.group] ??= []);
    if (timers.length === maxTimersPerGroup) {
      throw new UdfError(
        'handler',
        `timers.set("${timer.name}"): the group has ${maxTimersPerGroup} timers already`,
      );
    }
    timers.push(timer);
    this.#count++;
    if (timer.order > this.#order) this.#order = timer.order;
    this.#enqueue(timer, true);
  }

  cancel(group: number, name: string): boolean {
    const timer = this.#find(group, name);
    if (!timer) return false;
    this.#remove(timer);
    return true;
  }

  timeOf(group: number, name: string): bigint | undefined {
    return this.#find(group, name)?.time;
  }

  timersOf(group: number): readonly GroupTimer[] {
    return this.#timers[group] ?? noTimers;
  }

  head(group: number): GroupHead | undefined {
    return this.#heads[group];
  }

  setHead(group: number, head: GroupHead): void {
    this.#heads[group] = head;
  }

  /** Removes and returns the first timer that input of `group` at `time` reaches. */
  takeDue(group: number, time: bigint): GroupTimer | undefined {
    let due = this.#connection.firstDue(time);
    for (const timer of this.timersOf(group)) {
      if (timer.clock !== 'event' || timer.time > time) continue;
      if (due === undefined || compareTimers(timer, due) < 0) due = timer;
    }
    return this.#taken(due);
  }

  /**
   * Removes and returns the first timer of the wall clock that is due at `time`; `undefined` also if it was set after
   * `maxOrder` timers.
   */
  takeDueByWall(time: bigint, maxOrder = Infinity): GroupTimer | undefined {
    const due = this.#wall.firstDue(time);
    return due && due.order <= maxOrder ? this.#taken(due) : undefined;
  }

  /** The number of timers that have been set so far. */
  get order(): number {
    return this.#order;
  }

  /** Asks the clock to wake for the next timer of the wall clock. */
  wakeForNext(): void {
    if (!this.#hasEnded) this.clock.wakeAt(this.#wall.nextTime);
  }

  /** No timer fires any more, and none can be set. */
  end(): void {
    this.#hasEnded = true;
    this.clock.wakeAt(undefined);
  }

  /** Removes the timers of a group, whose index may be used again. */
  forget(group: number): void {
    this.#heads[group] = undefined;
    const timers = this.#timers[group];
    if (!timers) return;
    for (const timer of timers.slice()) this.#remove(timer);
  }

  clear(): void {
    this.#timers.length = this.#heads.length = 0;
    this.#connection.clear();
    this.#wall.clear();
    this.#count = 0;
    this.wakeForNext();
  }

  #find(group: number, name: string): GroupTimer | undefined {
    const timers = this.#timers[group];
    if (timers === undefined) return undefined;
    for (const timer of timers) if (timer.name === name) return timer;
    return undefined;
  }

  #taken(timer: GroupTimer | undefined): GroupTimer | undefined {
    if (!timer) return undefined;
    this.#remove(timer);
    this.#fired++;
    return timer;
  }

  #enqueue(timer: GroupTimer, isNew: boolean): void {
    if (timer.clock === 'connection') this.#connection.set(timer, isNew);
    else if (timer.clock === 'wall' && this.#wall.set(timer, isNew)) this.wakeForNext();
  }

  #remove(timer: GroupTimer): void {
    this.#count--;
    if (timer.clock === 'connection') this.#connection.remove(timer);
    else if (timer.clock === 'wall') this.#wall.remove(timer);
    const timers = this.#timers[timer.group]!; // it was found or kept there
    if (timers.length === 1) {
      this.#timers[timer.group] = undefined;
      return;
    }
    timers[timers.indexOf(timer)] = timers.at(-1)!; // `order` keeps the order
    timers.pop();
  }
}

const noTimers: readonly GroupTimer[] = [];
