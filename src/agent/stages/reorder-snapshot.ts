import { LazyPoint } from '../../wire/point/lazy-point.js';
import { damaged } from '../state/parts.js';
import type { ClockDoubts } from './stream-clock.js';

/** The time of a group or, without a name, of the connection, as a snapshot holds it. */
export interface ClockEntry {
  /** In latin1, one character per byte. */
  readonly name: string | undefined;
  readonly newest: bigint;
  readonly releasedUpTo: bigint | undefined;
  readonly doubts: ClockDoubts | undefined;
}

/** A point that waits, as a snapshot holds it. */
export interface PointEntry {
  readonly point: LazyPoint;
  readonly arrivedAt: bigint;
  /** Whether it is the last point of its group, far ahead of it. */
  readonly isGroupAhead: boolean;
  /** Whether it is the last point of all, far ahead of the connection's time. */
  readonly isAhead: boolean;
}

export type ReorderEntry = ClockEntry | PointEntry;

const Mark = { groupAhead: 1, ahead: 2 } as const;

/** A clock as its group's name, times and doubts, or a point as its frame, time of arrival and marks. */
export function packEntry(entry: ReorderEntry): readonly unknown[] {
  if ('point' in entry) {
    const marks = (entry.isGroupAhead ? Mark.groupAhead : 0) | (entry.isAhead ? Mark.ahead : 0);
    const head = [Uint8Array.from(entry.point.frameBytes()), entry.arrivedAt];
    return marks === 0 ? head : [...head, marks];
  }
  const { name, newest, releasedUpTo, doubts } = entry;
  if (!doubts) return [name, newest, releasedUpTo];
  return [name, newest, releasedUpTo, doubts.ahead, doubts.strays, doubts.latePoints, doubts.lateSince];
}

/** Reads what `packEntry` returns. Throws `snapshot_damaged` for anything else. */
export function unpackEntry([
  what,
  time,
  third,
  ahead,
  strays,
  latePoints,
  lateSince,
]: readonly unknown[]): ReorderEntry {
  if (typeof time !== 'bigint') throw damaged();
  if (what instanceof Uint8Array) {
    const point = LazyPoint.fromWholeFrame(Buffer.from(what));
    if (!point || (third !== undefined && typeof third !== 'number')) throw damaged();
    const marks = third ?? 0;
    const isMarked = (mark: number): boolean => (marks & mark) !== 0;
    const isGroupAhead = isMarked(Mark.groupAhead);
    return { point, arrivedAt: time, isGroupAhead, isAhead: isMarked(Mark.ahead) };
  }
  if (what !== undefined && typeof what !== 'string') throw damaged();
  if (third !== undefined && typeof third !== 'bigint') throw damaged();
  const head = { name: what, newest: time, releasedUpTo: third };
  if (strays === undefined) return { ...head, doubts: undefined };
  if (ahead !== undefined && typeof ahead !== 'bigint') throw damaged();
  if (typeof strays !== 'number' || typeof latePoints !== 'number' || typeof lateSince !== 'bigint')
    throw damaged();
  return { ...head, doubts: { ahead, strays, latePoints, lateSince } };
}
