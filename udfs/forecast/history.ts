import type { History } from '../shared/forecasting/prepare.js';
import { isJob, type Job } from './job.js';

/** The state of a group: its newest values, four bytes each. */
export interface GroupState {
  /**
   * Numbers of intervals since 1970: of the oldest and the newest value, and of the newest that forecasts were queued for or
   * made from.
   */
  oldest: number;
  newest: number;
  forecast: number;
  /** Points of the newest interval. */
  points: number;
  /** The first value: the others are kept as differences from it, so that large numbers lose no digits. */
  base: number;
  /** A ring: an interval's place is its number modulo the length; NaN if it has no value. */
  ring: Float32Array;
  /** A value that is far ahead of the others: its interval, and the value. */
  ahead?: readonly [number: number, value: number] | undefined;
  /** The forecasts that are being made. */
  job?: Job | undefined;
}

const minLength = 32;

export function newGroup(): GroupState {
  return { oldest: 0, newest: -1, forecast: -1, points: 0, base: 0, ring: new Float32Array(0) };
}

/** How `record` takes values. */
export interface Recording {
  /** Max intervals that are kept. */
  readonly window: number;
  /** A value more than this many intervals ahead counts once another one follows. */
  readonly maxLead: number;
  /** Whether an interval has several points, whose mean counts; else the last one does. */
  readonly isMean: boolean;
}

/** What became of a value. */
export type Recorded = 'new' | 'same' | 'older' | 'late' | 'ahead';

/**
 * Adds a value. It is `new` if it begins an interval, `same` if it is of the newest one, `older` if of one before, `late` if that
 * is before the window, and `ahead` if it is too far after the others to be taken before another one follows.
 */
export function record(state: GroupState, number: number, value: number, given: Recording): Recorded {
  if (state.newest < state.oldest) {
    Object.assign(state, { oldest: number, newest: number - 1, forecast: number - 1, base: value });
  } else if (number > state.newest + given.maxLead) {
    const { ahead } = state;
    state.ahead = [number, value];
    if (ahead === undefined || Math.abs(number - ahead[0]) > given.maxLead) return 'ahead';
    if (ahead[0] < number) begin(state, ahead[0], ahead[1], given.window);
  }
  if (state.ahead !== undefined) state.ahead = undefined;
  if (number > state.newest) {
    begin(state, number, value, given.window);
    return 'new';
  }
  if (number <= state.newest - given.window) return 'late';
  if (number < state.oldest) grow(state, number, given.window);
  const place = number % state.ring.length;
  const isNewest = number === state.newest;
  const relative = value - state.base;
  if (isNewest && given.isMean) {
    state.points++;
    state.ring[place]! += (relative - state.ring[place]!) / state.points;
  } else state.ring[place] = relative;
  return isNewest ? 'same' : 'older';
}

/**
 * The first interval of the history up to another one, the newest or the one before, and how many of them have a value;
 * `undefined` if the last one has none.
 */
export function extentUntil({ oldest, newest, ring }: GroupState, last: number): Extent | undefined {
  if (last < oldest || last > newest || Number.isNaN(ring[last % ring.length])) return undefined;
  let first = oldest;
  while (Number.isNaN(ring[first % ring.length])) first++;
  let known = 0;
  let place = first % ring.length;
  for (let number = first; number <= last; number++) {
    if (!Number.isNaN(ring[place])) known++;
    if (++place === ring.length) place = 0;
  }
  return { first, known };
}

interface Extent {
  readonly first: number;
  readonly known: number;
}

/** The values from an interval, which has one, to another. */
export function historyOf({ base, ring }: GroupState, first: number, last: number): History {
  const values = new Float64Array(last - first + 1);
  for (let at = 0; at < values.length; at++) values[at] = base + ring[(first + at) % ring.length]!;
  return { first, values };
}

/** Begins an interval after the newest. */
function begin(state: GroupState, number: number, value: number, window: number): void {
  if (number - state.newest >= window) state.oldest = number; // all others leave the window
  const oldest = Math.max(state.oldest, number - window + 1);
  resize(state, oldest, number - oldest + 1, window);
  const { ring } = state;
  for (let gap = Math.max(state.newest + 1, oldest); gap < number; gap++) ring[gap % ring.length] = NaN;
  ring[number % ring.length] = value - state.base;
  state.oldest = oldest;
  state.newest = number;
  state.points = 1;
}

/** Makes room for an interval before the oldest. */
function grow(state: GroupState, number: number, window: number): void {
  resize(state, state.oldest, state.newest - number + 1, window);
  const { ring, oldest } = state;
  for (let gap = number; gap < oldest; gap++) ring[gap % ring.length] = NaN;
  state.oldest = number;
}

/** Moves the values from `oldest` on to a ring with room for `count`, if this one has not. */
function resize(state: GroupState, oldest: number, count: number, window: number): void {
  const { ring, newest } = state;
  if (count <= ring.length) return;
  const larger = new Float32Array(Math.min(window, Math.max(minLength, 2 * ring.length, count)));
  for (let number = oldest; number <= newest; number++) {
    larger[number % larger.length] = ring[number % ring.length]!;
  }
  state.ring = larger;
}

/** Whether a restored state is one that the functions above can have made. */
export function isGroupState(state: unknown): boolean {
  if (typeof state !== 'object' || state === null) return false;
  const given = state as { readonly [Key in keyof GroupState]?: unknown };
  const { oldest, newest, forecast, points, base, ring, ahead, job } = given;
  const isNumber = (value: unknown): value is number => Number.isSafeInteger(value);
  if (!isNumber(oldest) || !isNumber(newest) || !isNumber(forecast) || !isNumber(points)) return false;
  return (
    newest - oldest >= -1 &&
    points >= 0 &&
    Number.isFinite(base) &&
    ring instanceof Float32Array &&
    ring.length >= newest - oldest + 1 &&
    (newest < oldest || !Number.isNaN(ring[newest % ring.length])) &&
    (ahead === undefined || isValueAhead(ahead)) &&
    (job === undefined || isJob(job))
  );
}

function isValueAhead(ahead: unknown): boolean {
  if (!Array.isArray(ahead) || ahead.length !== 2) return false;
  const [number, value] = ahead as readonly unknown[];
  return Number.isSafeInteger(number) && Number.isFinite(value);
}
