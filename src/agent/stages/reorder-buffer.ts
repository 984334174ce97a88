import TinyQueue from 'tinyqueue';
import { LazyPoint } from '../../wire/point/lazy-point.js';
import { retainedBytes } from '../limits.js';
import type { ClockEntry, PointEntry, ReorderEntry } from './reorder-snapshot.js';
import { StreamClock } from './stream-clock.js';

/** Groups without waiting points that are remembered, so that a late point is known as such: those that waited last. */
const maxIdleGroups = 100_000;

/** Entries without a point that are tolerated, above as many as have one, before a list is rebuilt. */
const maxTaken = { arrivals: 1024, group: 16 };

interface WaitingPoint {
  /** `undefined` once it was handed on. */
  point: LazyPoint | undefined;
  readonly time: bigint;
  /** Orders points of the same time: raised with each point. */
  readonly number: number;
  readonly group: WaitingGroup;
  /** The connection's time when it came. */
  arrivedAt: bigint;
  /** Identifies it for `HandlerRuns.beginPoint`. */
  readonly run: number;
}

interface WaitingGroup {
  readonly name: string;
  readonly clock: StreamClock;
  /** In order of time. Some may have been handed on already. */
  points: TinyQueue<WaitingPoint>;
  /** Points that wait. */
  size: number;
  /** The time up to which points were handed on in order; one before it is late. */
  releasedUpTo: bigint | undefined;
  /** The last point if it is far ahead of the group's clock. */
  ahead: WaitingPoint | undefined;
}

export interface ReorderEvents {
  /** A point came too late to be put in order. */
  late(): void;
  /** A point was handed on before its time, as too much waits. */
  early(): void;
}

/**
 * Holds points back, and hands those of a group on in order of time.
 *
 * A point waits until its group has one that is newer by `wait`. Where its group falls silent, it waits until the points of
 * other groups show that this time has passed since it came. Above `maxBytes`, the groups whose points came first hand
 * theirs on early.
 *
 * A stray, which is a point far ahead of the group's points before and after it, is handed on by the one after it, alone.
 */
export class ReorderBuffer {
  readonly #wait: bigint;
  readonly #maxBytes: number;
  readonly #events: ReorderEvents;
  readonly #groups = new Map<string, WaitingGroup>();
  /** Groups without waiting points, in the order in which they became so. */
  readonly #idleGroups = new Map<string, WaitingGroup>();
  /** The time of all groups together. */
  #clock: StreamClock;
  /** All points in the order in which they came, from `#first` on. Some were handed on already. */
  #arrivals: WaitingPoint[] = [];
  #first = 0;
  #bytes = 0;
  #size = 0;
  #number = 0;
  /** The group of the last point, until the points that it makes due are handed on. */
  #last: WaitingGroup | undefined;
  /** A stray that is to be handed on. */
  #stray: WaitingPoint | undefined;
  /** The last point if it is far ahead of the connection's clock. */
  #ahead: WaitingPoint | undefined;
  #takenRun = 0;
  #restored = 0;
  /** Whether the arrivals are in order of time, as the input has ended. */
  #isSorted = false;

  constructor(wait: bigint, maxBytes: number, events: ReorderEvents) {
    this.#wait = wait;
    this.#maxBytes = maxBytes;
    this.#events = events;
    this.#clock = new StreamClock(wait);
  }

  /** Points that wait. */
  get size(): number {
    return this.#size;
  }

  /** The `run` of the point that was handed on last, or was late. For a restored point: its place in the snapshot, negative. */
  get takenRun(): number {
    return this.#takenRun;
  }

  /** Adds a point, unless it is late: returns false then. The points that are due follow from `next`. */
  add(point: LazyPoint, run = 0): boolean {
    const { time } = point;
    const group = this.#groupOf(point);
    const arrivedAt = this.#noteTime(time);
    this.#noteGroupTime(group, time);
    this.#last = group;
    if (group.releasedUpTo !== undefined && time < group.releasedUpTo) {
      this.#events.late();
      this.#setIdleIfEmpty(group);
      this.#takenRun = run;
      return false;
    }
    const waiting = this.#insert(point.detach(), time, group, arrivedAt, run);
    if (group.clock.isAhead) group.ahead = waiting;
    if (this.#clock.isAhead) this.#ahead = waiting;
    return true;
  }

  /** Removes and returns the next point that is due. */
  next(): LazyPoint | undefined {
    const stray = this.#stray;
    this.#stray = undefined;
    if (stray?.point) return this.#takeAlone(stray, stray.point);
    const last = this.#last;
    if (last) {
      const first = firstOf(last);
      if (first && this.#isDue(first)) return this.#takeFirstOf(last, first);
      this.#last = undefined;
    }
    const oldest = this.#oldest();
    if (!oldest?.point) return undefined;
    const passed = this.#clock.now! - oldest.arrivedAt; // a point has come
    // Negative after the clock was set back.
    const isOver = passed >= this.#wait || passed < 0n;
    const isFull = this.#bytes > this.#maxBytes;
    if (!isOver && !isFull) return undefined;
    const { group } = oldest;
    if (oldest.time > group.clock.now!) {
      if (!isOver) this.#events.early();
      return this.#takeAlone(oldest, oldest.point);
    }
    const first = firstOf(group)!; // `oldest`, or one before it
    if (!isOver && !this.#isDue(first)) this.#events.early();
    return this.#takeFirstOf(group, first);
  }

  /** Removes and returns the first of all points, in order of time, when the input has ended. */
  takeFirst(): LazyPoint | undefined {
    if (!this.#isSorted) {
      this.#isSorted = true;
      this.#arrivals = this.#arrivals.filter(isWaiting).sort(compare);
      this.#first = 0;
    }
    const first = this.#arrivals[this.#first++];
    return first?.point && this.#takeAlone(first, first.point);
  }

  /** Records a point's time for the connection, and returns when the point came. */
  #noteTime(time: bigint): bigint {
    const shown = this.#clock.note(time);
    const now = this.#clock.now!; // a point has come
    // It came when the clock had not moved yet.
    if (shown === 'confirmed' && this.#ahead) this.#ahead.arrivedAt = now;
    this.#ahead = undefined;
    return now;
  }

  #noteGroupTime(group: WaitingGroup, time: bigint): void {
    const { clock, ahead } = group;
    const before = clock.now;
    const shown = clock.note(time);
    group.ahead = undefined;
    if (shown === 'stray') this.#stray = ahead;
    if (before !== undefined && clock.now! < before) group.releasedUpTo = undefined;
  }

  /** Whether no point of the group that keeps to the waiting time can come before this one any more. */
  #isDue({ time, group }: WaitingPoint): boolean {
    return time <= group.clock.now! - this.#wait; // the group has had a point
  }

  /** The point that has waited longest. */
  #oldest(): WaitingPoint | undefined {
    const arrivals = this.#arrivals;
    while (this.#first < arrivals.length && !isWaiting(arrivals[this.#first]!)) this.#first++;
    return arrivals[this.#first];
  }

  #insert(point: LazyPoint, time: bigint, group: WaitingGroup, arrivedAt: bigint, run: number): WaitingPoint {
    const waiting: WaitingPoint = { point, time, number: this.#number++, group, arrivedAt, run };
    if (this.#arrivals.length > 2 * this.#size + maxTaken.arrivals) {
      this.#arrivals = this.#arrivals.filter(isWaiting);
      this.#first = 0;
    }
    group.points.push(waiting);
    this.#arrivals.push(waiting);
    this.#bytes += retainedBytes(point);
    this.#size++;
    group.size++;
    return waiting;
  }

  /** Hands on the group's first point: what comes before it from now on is late. */
  #takeFirstOf(group: WaitingGroup, first: WaitingPoint): LazyPoint {
    group.points.pop();
    const point = this.#takeAlone(first, first.point!); // `firstOf` returns one that waits
    // Not a point beyond the group's clock, which was set back.
    if (first.time <= group.clock.now!) group.releasedUpTo = first.time;
    return point;
  }

  /** Hands on a point without effect on which points of its group are late. */
  #takeAlone(waiting: WaitingPoint, point: LazyPoint): LazyPoint {
    waiting.point = undefined;
    this.#takenRun = waiting.run;
    this.#bytes -= retainedBytes(point);
    this.#size--;
    const { group } = waiting;
    if (group.points.length > 2 * --group.size + maxTaken.group) {
      group.points = new TinyQueue(group.points.data.filter(isWaiting), compare);
    }
    this.#setIdleIfEmpty(group);
    return point;
  }

  // ---- groups ----

  #groupOf(point: LazyPoint): WaitingGroup {
    const { buf, groupStart, groupLength } = LazyPoint.groupBytesOf(point);
    return this.#groupNamed(buf.toString('latin1', groupStart, groupStart + groupLength));
  }

  #groupNamed(name: string): WaitingGroup {
    let group = this.#groups.get(name);
    if (!group) {
      group = this.#idleGroups.get(name) ?? {
        name,
        clock: new StreamClock(this.#wait),
        points: new TinyQueue<WaitingPoint>([], compare),
        size: 0,
        releasedUpTo: undefined,
        ahead: undefined,
      };
      this.#idleGroups.delete(name);
      this.#groups.set(name, group);
    }
    return group;
  }

  #setIdleIfEmpty(group: WaitingGroup): void {
    if (group.size > 0) return;
    this.#groups.delete(group.name);
    this.#idleGroups.set(group.name, group);
    if (this.#idleGroups.size <= maxIdleGroups) return;
    for (const name of this.#idleGroups.keys()) {
      this.#idleGroups.delete(name);
      return;
    }
  }

  // ---- snapshots ----

  /** The connection's time, the groups, those without waiting points first, and the points that wait, as they came. */
  *entries(): Generator<ReorderEntry> {
    const { now, doubts } = this.#clock;
    if (now !== undefined) yield { name: undefined, newest: now, releasedUpTo: undefined, doubts };
    for (const groups of [this.#idleGroups, this.#groups]) {
      for (const { name, clock, releasedUpTo } of groups.values()) {
        yield { name, newest: clock.now!, releasedUpTo, doubts: clock.doubts }; // it has had a point
      }
    }
    for (let at = this.#first; at < this.#arrivals.length; at++) {
      const waiting = this.#arrivals[at]!;
      const { point, arrivedAt, group } = waiting;
      if (!point) continue;
      yield { point, arrivedAt, isGroupAhead: waiting === group.ahead, isAhead: waiting === this.#ahead };
    }
  }

  /** Restores an entry; to be called in the order of `entries`. Then the same input releases the same points. */
  restore(entry: ReorderEntry): void {
    if ('point' in entry) this.#restorePoint(entry);
    else if (entry.name === undefined) this.#clock.restore(entry.newest, entry.doubts);
    else this.#restoreGroup(entry.name, entry);
  }

  #restoreGroup(name: string, { newest, releasedUpTo, doubts }: ClockEntry): void {
    const group = this.#groupNamed(name);
    group.clock.restore(newest, doubts);
    group.releasedUpTo = releasedUpTo;
    // Until its points come. No other group is forgotten for it: there are no more groups than in the snapshot.
    this.#groups.delete(name);
    this.#idleGroups.set(name, group);
  }

  #restorePoint({ point, arrivedAt, isGroupAhead, isAhead }: PointEntry): void {
    const { time } = point;
    const group = this.#groupOf(point);
    group.clock.now ??= time;
    const waiting = this.#insert(point, time, group, arrivedAt, -++this.#restored);
    if (isGroupAhead) group.ahead = waiting;
    if (isAhead) this.#ahead = waiting;
  }

  clear(): void {
    this.#groups.clear();
    this.#idleGroups.clear();
    this.#clock = new StreamClock(this.#wait);
    this.#arrivals = [];
    this.#first = this.#bytes = this.#size = this.#restored = 0;
    this.#last = this.#stray = this.#ahead = undefined;
    this.#isSorted = false;
  }
}

/** The first of a group's points that wait. */
function firstOf({ points }: WaitingGroup): WaitingPoint | undefined {
  let first = points.peek();
  while (first && !isWaiting(first)) {
    points.pop();
    first = points.peek();
  }
  return first;
}

function isWaiting({ point }: WaitingPoint): boolean {
  return point !== undefined;
}

function compare(a: WaitingPoint, b: WaitingPoint): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return a.number - b.number;
}
