import { UdfError } from '../../model/errors.js';
import { GroupHeads, type HeadSource } from './group-heads.js';
import { compareTimers, GroupTimer, type GroupTimerClock, TimerQueue } from './timer-queue.js';
import type { WallClock } from './wall-clock.js';

/** Max timers of a group: names that are made up per point would fill the memory. */
export const maxTimersPerGroup = 1_000;

/** The timers of all groups of an instance, by the groups' indexes in the `GroupTable`. */
export class TimerTable {
  readonly clock: WallClock;
  readonly heads = new GroupHeads();
  /** A group's timers, by name: mostly one, and few otherwise. */
  readonly #timers: (GroupTimer | GroupTimer[] | undefined)[] = [];
  readonly #connection = new TimerQueue();
  readonly #wall = new TimerQueue();
  readonly #idle = new TimerQueue('order');
  #idleCount = 0;
  #deferred: GroupTimer[] = [];
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

  /**
   * Sets a timer, and keeps the group's head if it is the first. `firing` is the timer whose handler sets it: not after that
   * one's time, it waits for the next run, so that each run ends. An idle one that is set already keeps its
   * place. Throws `handler` above `maxTimersPerGroup`.
   */
  set(
    group: number,
    name: string,
    clock: GroupTimerClock,
    time: bigint,
    source: HeadSource | undefined,
    firing?: GroupTimer,
  ): void {
    if (this.#hasEnded) return;
    if (source !== undefined && !this.heads.has(group)) this.heads.keep(group, source);
    let timer = this.#find(group, name);
    if (timer && timer.clock !== clock) {
      this.#remove(timer);
      timer = undefined;
    }
    if (clock === 'idle') {
      if (timer) return;
      this.#order++;
      // Before all others if it continues what fires: there is one such step at a time.
      const order = firing?.clock === 'idle' ? -this.#order : this.#order;
      timer = new GroupTimer(group, name, clock, time, order);
      this.#keep(timer);
      this.#enqueue(timer);
      return;
    }
    if (timer) {
      timer.time = time;
      timer.order = ++this.#order;
    } else {
      timer = new GroupTimer(group, name, clock, time, ++this.#order);
      this.#keep(timer);
    }
    const isBefore = firing !== undefined && firing.clock !== 'idle' && time <= firing.time;
    if (isBefore && (clock === 'wall') === (firing.clock === 'wall')) this.#defer(timer);
    else this.#enqueue(timer);
  }

  /** Adds a timer that the group does not have yet. Throws `handler` above `maxTimersPerGroup`. */
  add(group: number, name: string, clock: GroupTimerClock, time: bigint, order: number): void {
    const timer = new GroupTimer(group, name, clock, time, order);
    this.#keep(timer);
    this.#order = Math.max(this.#order, Math.abs(order));
    this.#enqueue(timer);
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
    const timers = this.#timers[group];
    if (timers === undefined) return noTimers;
    return timers instanceof GroupTimer ? [timers] : timers;
  }

  /** Adds the timers of a group to `to`. Returns how many. */
  collect(group: number, to: GroupTimer[]): number {
    const timers = this.#timers[group];
    if (timers === undefined) return 0;
    if (timers instanceof GroupTimer) {
      to.push(timers);
      return 1;
    }
    to.push(...timers);
    return timers.length;
  }

  /** Removes and returns the first timer that input of `group` at `time` reaches; `more` if the call is to be repeated. */
  takeDue(group: number, time: bigint): GroupTimer | 'more' | undefined {
    let due = this.#connection.firstDue(time);
    if (due === 'more') return due;
    const timers = this.#timers[group];
    if (timers instanceof GroupTimer) {
      due = earlier(timers, due, time);
    } else if (timers !== undefined) {
      for (const timer of timers) due = earlier(timer, due, time);
    }
    return this.#taken(due);
  }

  /** Removes and returns the first timer of the wall clock that is due at `time`; `more` if the call is to be repeated. */
  takeDueByWall(time: bigint): GroupTimer | 'more' | undefined {
    const due = this.#wall.firstDue(time);
    return due === 'more' ? due : this.#taken(due);
  }

  /** Removes and returns the next timer of the idle clock. */
  takeIdle(): GroupTimer | undefined {
    const timer = this.#idle.firstDue(0n);
    return this.#taken(timer === 'more' ? undefined : timer); // none is ever put off
  }

  /** To be called when no further timer is due: those that wait for the next run can fire then. */
  endRun(): void {
    if (this.#deferred.length === 0) return;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const timer of deferred) {
      if (!timer.isDeferred) continue; // cancelled, or set again
      timer.isDeferred = false;
      this.#enqueue(timer);
    }
  }

  /** Asks the clock to wake for the next timer of the wall clock. */
  wakeForNext(): void {
    if (!this.#hasEnded) this.clock.wakeAt(this.#wall.nextTime);
  }

  /** No timer fires any more, and none can be set. */
  end(): void {
    this.#hasEnded = true;
    this.clock.wakeAt(undefined);
    this.clock.wantsIdle = false;
  }

  /** Removes the timers of a group, whose index may be used again. */
  forget(group: number): void {
    this.heads.forget(group);
    for (const timer of this.timersOf(group).slice()) this.#remove(timer);
  }

  clear(): void {
    this.#timers.length = 0;
    this.heads.clear();
    this.#connection.clear();
    this.#wall.clear();
    this.#idle.clear();
    this.#idleCount = 0;
    this.clock.wantsIdle = false;
    this.#deferred = [];
    this.#count = 0;
    this.wakeForNext();
  }

  #find(group: number, name: string): GroupTimer | undefined {
    const timers = this.#timers[group];
    if (timers === undefined) return undefined;
    if (timers instanceof GroupTimer) return timers.name === name ? timers : undefined;
    for (const timer of timers) if (timer.name === name) return timer;
    return undefined;
  }

  #taken(timer: GroupTimer | undefined): GroupTimer | undefined {
    if (!timer) return undefined;
    this.#remove(timer);
    this.#fired++;
    return timer;
  }

  #keep(timer: GroupTimer): void {
    const { group, name } = timer;
    const timers = this.#timers[group];
    if (timers === undefined) {
      while (this.#timers.length < group) this.#timers.push(undefined); // V8 would make far indexes of a map
      this.#timers[group] = timer;
    } else if (timers instanceof GroupTimer) {
      this.#timers[group] = [timers, timer];
    } else if (timers.length < maxTimersPerGroup) {
      timers.push(timer);
    } else {
      throw new UdfError(
        'handler',
        `timers.set("${name}"): the group has ${maxTimersPerGroup} timers already`,
      );
    }
    this.#count++;
    if (timer.clock === 'idle') this.#countIdle(1);
  }

  #countIdle(by: number): void {
    this.#idleCount += by;
    this.clock.wantsIdle = this.#idleCount > 0;
  }

  #queueOf({ clock }: GroupTimer): TimerQueue | undefined {
    switch (clock) {
      case 'wall':
        return this.#wall;
      case 'connection':
        return this.#connection;
      case 'idle':
        return this.#idle;
      case 'event':
        return undefined;
    }
  }

  #enqueue(timer: GroupTimer): void {
    timer.isDeferred = false;
    const queue = this.#queueOf(timer);
    const isNext = timer.isQueued ? queue?.move(timer) : queue?.add(timer);
    if (isNext && queue === this.#wall) this.wakeForNext();
  }

  #defer(timer: GroupTimer): void {
    if (timer.isQueued) this.#queueOf(timer)?.remove(timer);
    if (timer.isDeferred) return;
    timer.isDeferred = true;
    this.#deferred.push(timer);
  }

  #remove(timer: GroupTimer): void {
    this.#count--;
    if (timer.clock === 'idle') this.#countIdle(-1);
    timer.isDeferred = false;
    if (timer.isQueued) this.#queueOf(timer)?.remove(timer);
    const { group } = timer;
    const timers = this.#timers[group];
    if (timers instanceof GroupTimer || timers?.length === 1) {
      this.#timers[group] = undefined;
    } else if (timers) {
      timers[timers.indexOf(timer)] = timers.at(-1)!; // `order` keeps the order
      timers.pop();
    }
  }
}

/** The earlier of a timer of the event clock, if it is due at `time`, and another one. */
function earlier(timer: GroupTimer, other: GroupTimer | undefined, time: bigint): GroupTimer | undefined {
  if (timer.clock !== 'event' || timer.isDeferred || timer.time > time) return other;
  return other === undefined || compareTimers(timer, other) < 0 ? timer : other;
}

const noTimers: readonly GroupTimer[] = [];
