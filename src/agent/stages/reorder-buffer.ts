import { LazyPoint } from '../../wire/point/lazy-point.js';
import { retainedBytes } from '../limits.js';

/** Points in a row that are behind the waiting time of their group before its clock is set back to them. */
const maxPointsBehind = 10;

interface WaitingPoint {
  readonly point: LazyPoint;
  readonly time: bigint;
  readonly group: WaitingGroup;
  /** The newest time of any point when it came. */
  readonly arrivedAt: bigint;
  isWaiting: boolean;
}

interface WaitingGroup {
  readonly name: string;
  /** In order of time; those of the same time in the order in which they came. */
  readonly points: WaitingPoint[];
  newest: bigint;
  /** The time up to which points were handed on; one before it is late. */
  releasedUpTo: bigint | undefined;
  pointsBehind: number;
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
 * other groups show that so much time has passed since it came. Above `maxBytes`, those that came first are handed on.
 */
export class ReorderBuffer {
  readonly #wait: bigint;
  readonly #maxBytes: number;
  readonly #events: ReorderEvents;
  readonly #groups = new Map<string, WaitingGroup>();
  /** All points in the order in which they came, from `#first` on; some were handed on already. */
  #arrivals: WaitingPoint[] = [];
  #first = 0;
  #newest: bigint | undefined;
  #bytes = 0;
  #size = 0;
  /** The group whose points are handed on now, and up to which time. */
  #releasing: { readonly group: WaitingGroup; readonly upTo: bigint } | undefined;
  /** The group of the last point. */
  #last: WaitingGroup | undefined;
  /** Whether the arrivals are in order of time, as the input has ended. */
  #isSorted = false;

  constructor(wait: bigint, maxBytes: number, events: ReorderEvents) {
    this.#wait = wait;
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  /** Points that wait. */
  get size(): number {
    return this.#size;
  }

  /** Adds a point, unless it is late: returns false then. The points that are due follow from `next`. */
  add(point: LazyPoint): boolean {
    const { time } = point;
    const group = this.#groupOf(point, time);
    if (this.#newest === undefined || time > this.#newest) this.#newest = time;
    if (time > group.newest) group.newest = time;
    this.#last = group;
    this.#noteBehind(group, time);
    if (group.releasedUpTo !== undefined && time < group.releasedUpTo) {
      this.#events.late();
      return false;
    }
    this.#insert(point.detach(), time, group, this.#newest);
    return true;
  }

  /** Removes and returns the next point that is due. */
  next(): LazyPoint | undefined {
    for (;;) {
      const releasing = this.#releasing;
      if (releasing) {
        const first = releasing.group.points[0];
        if (first && first.time <= releasing.upTo) return this.#take(first);
        this.#releasing = undefined;
        this.#forgetIfEmpty(releasing.group);
      }
      const { group, upTo } = this.#due() ?? none;
      if (group === undefined) return undefined;
      this.#releasing = { group, upTo };
    }
  }

  /** Removes and returns the first of all points, in order of time, when the input has ended. */
  takeFirst(): LazyPoint | undefined {
    if (this.#size === 0) return undefined;
    this.#sortAll();
    const first = this.#arrivals[this.#first++]!; // all that are left wait
    return this.#take(first);
  }

  #sortAll(): void {
    if (this.#isSorted) return;
    this.#isSorted = true;
    this.#releasing = undefined;
    const waiting = this.#arrivals.filter(({ isWaiting }) => isWaiting);
    this.#arrivals = waiting.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    this.#first = 0;
  }

  /** A group with points that are due, and up to which time they are. */
  #due(): { readonly group: WaitingGroup; readonly upTo: bigint } | undefined {
    const last = this.#last;
    this.#last = undefined;
    if (last) {
      const upTo = last.newest - this.#wait;
      const first = last.points[0];
      if (first && first.time <= upTo) return { group: last, upTo };
    }
    for (; this.#first < this.#arrivals.length; this.#first++) {
      const { isWaiting, group, time, arrivedAt } = this.#arrivals[this.#first]!;
      if (!isWaiting) continue;
      const passed = this.#newest! - arrivedAt; // a point has come
      const isFull = this.#bytes > this.#maxBytes;
      // Negative after the clock was set back.
      if (!isFull && passed >= 0n && passed < this.#wait) break;
      if (isFull) this.#events.early();
      return { group, upTo: time };
    }
    if (this.#first > 1024 && 2 * this.#first > this.#arrivals.length) {
      this.#arrivals = this.#arrivals.slice(this.#first);
      this.#first = 0;
    }
    return undefined;
  }

  /**
   * Sets a group's clock back when its points stay behind it: a single point from the far future would otherwise keep all
   * later ones from being put in order. What waits of the group is handed on at once then.
   */
  #noteBehind(group: WaitingGroup, time: bigint): void {
    if (time > group.newest - this.#wait) {
      group.pointsBehind = 0;
      return;
    }
    if (++group.pointsBehind <= maxPointsBehind) return;
    if (this.#newest === group.newest) this.#newest = time;
    this.#releasing = { group, upTo: group.newest };
    group.newest = time;
    group.releasedUpTo = undefined;
    group.pointsBehind = 0;
  }

  #groupOf(point: LazyPoint, time: bigint): WaitingGroup {
    const { buf, groupStart, groupLength } = LazyPoint.groupBytesOf(point);
    const name = buf.toString('latin1', groupStart, groupStart + groupLength);
    let group = this.#groups.get(name);
    if (!group) {
      group = { name, points: [], newest: time, releasedUpTo: undefined, pointsBehind: 0 };
      this.#groups.set(name, group);
    }
    return group;
  }

  #insert(point: LazyPoint, time: bigint, group: WaitingGroup, arrivedAt: bigint): void {
    const waiting: WaitingPoint = { point, time, group, arrivedAt, isWaiting: true };
    const { points } = group;
    let at = points.length;
    while (at > 0 && points[at - 1]!.time > time) at--; // mostly none: points come nearly in order
    points.splice(at, 0, waiting);
    this.#arrivals.push(waiting);
    this.#bytes += retainedBytes(point);
    this.#size++;
  }

  #take(waiting: WaitingPoint): LazyPoint {
    const { group, point, time } = waiting;
    group.points.splice(group.points.indexOf(waiting), 1);
    waiting.isWaiting = false;
    // Not those beyond the group's clock, which was set back.
    if (time <= group.newest && (group.releasedUpTo ?? time) <= time) group.releasedUpTo = time;
    this.#bytes -= retainedBytes(point);
    this.#size--;
    return point;
  }

  /** The groups that are kept have points that wait, so their number is bounded too. */
  #forgetIfEmpty(group: WaitingGroup): void {
    if (group.points.length === 0) this.#groups.delete(group.name);
  }

  // ---- snapshots ----

  /** The points that wait, in the order in which they came, each with the time up to which its group was handed on. */
  *entries(): Generator<WaitingEntry> {
    for (let at = this.#first; at < this.#arrivals.length; at++) {
      const { isWaiting, point, group, arrivedAt } = this.#arrivals[at]!;
      if (isWaiting) yield { point, arrivedAt, newest: group.newest, releasedUpTo: group.releasedUpTo };
    }
  }

  restore({ point, arrivedAt, newest, releasedUpTo }: WaitingEntry): void {
    const group = this.#groupOf(point, newest);
    group.newest = newest;
    group.releasedUpTo = releasedUpTo;
    if (this.#newest === undefined || arrivedAt > this.#newest) this.#newest = arrivedAt;
    this.#insert(point, point.time, group, arrivedAt);
  }

  clear(): void {
    this.#groups.clear();
    this.#arrivals = [];
    this.#first = this.#bytes = this.#size = 0;
    this.#newest = this.#releasing = this.#last = undefined;
    this.#isSorted = false;
  }
}

/** A point that waits, as a snapshot holds it. */
export interface WaitingEntry {
  readonly point: LazyPoint;
  readonly arrivedAt: bigint;
  readonly newest: bigint;
  readonly releasedUpTo: bigint | undefined;
}

const none = { group: undefined, upTo: 0n };
