import type { GroupState, Period } from './state.js';

/** Open periods that a clock which is set back leaves after the current one; of more, the last are dropped. */
const maxAhead = 8;

/** Whether the group has a current period. */
export function hasCurrent({ start, end }: GroupState): boolean {
  return start < end;
}

/** Finds a period beside the current one by its start, or adds what `create` returns. */
export function otherAt(state: GroupState, start: number, create: () => Period): Period {
  const { others = [] } = state;
  const at = others.findIndex((other) => other.start >= start);
  const found = others[at];
  if (found?.start === start) return found;
  const created = create();
  // A new array: one that grows has room for 16 more.
  state.others = others.toSpliced(at === -1 ? others.length : at, 0, created);
  return created;
}

/** Makes a period the current one: the one of the others that begins at `start`, or what `create` returns. */
export function makeCurrent(state: GroupState, start: number, create: () => Period): void {
  setAside(state);
  const at = state.others?.findIndex((other) => other.start === start) ?? -1;
  const period = at === -1 ? create() : state.others!.splice(at, 1)[0]!;
  state.start = period.start;
  state.end = period.end;
  state.revision = period.revision;
  state.cells = period.cells;
  if (period.values !== undefined) state.values = period.values;
}

/** Leaves the group without a current period, at the end of the one that it has. */
export function setAside(state: GroupState): void {
  if (!hasCurrent(state)) return;
  const { start, end, revision, cells, values } = state;
  otherAt(state, start, () => ({ start, end, revision, cells, ...(values !== undefined && { values }) }));
  state.start = end;
  state.cells = [];
  if (values !== undefined) state.values = undefined;
}

/** The closed period with the latest end. It is kept until another is closed: a clock that is set back opens it again. */
export function lastClosed({ others, start }: GroupState): Period | undefined {
  return others?.findLast(({ end }) => end <= start);
}

/** Forgets closed periods whose end is `keep` seconds or more before the second `newest`, except the last one. */
export function forgetOld(state: GroupState, newest: number, keep: number): void {
  const { others, start } = state;
  if (others === undefined) return;
  const last = lastClosed(state);
  const isKept = (period: Period): boolean =>
    period === last || period.end > start || period.end + keep > newest;
  if (!others.every(isKept)) state.others = others.filter(isKept);
}

/** Forgets the last ones of too many open periods after the current. Returns their number. */
export function forgetAhead({ others, end }: GroupState): number {
  const first = others?.findIndex(({ start }) => start >= end) ?? -1;
  return first === -1 ? 0 : others!.splice(first + maxAhead).length;
}
