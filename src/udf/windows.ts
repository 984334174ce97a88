import { parseDuration } from '../model/duration.js';
import { UdfError } from '../model/errors.js';
import type { AnyPoint } from '../model/point.js';
import type { Timer, TimerClock, Timers } from './timers.js';

/** A span of time with what its points have added up to. */
export interface Window<Value> {
  /** Its first nanosecond, since the epoch. */
  start: bigint;
  /** The nanosecond after its last one. Of a session: the time at which it ends unless another point comes. */
  end: bigint;
  value: Value;
}

/** The state of a group with windows: to be the definition's state, or a part of it. Plain data. */
export interface WindowState<Value> {
  /** The open windows. */
  windows: Window<Value>[];
  /** The end of the last window that was closed, in nanoseconds since the epoch; null if none was. */
  closedUpTo: bigint | null;
}

/** What windows use of a handler's context. */
export interface WindowContext<Value> {
  readonly state: WindowState<Value>;
  readonly timers: Timers;
  readonly count: (counter: string) => void;
  readonly emit: (output: never) => void;
}

export interface WindowOptions {
  /** How long a window stays open after its end, for points that come late: `'10s'` or nanoseconds; none by default. */
  readonly lateness?: string | bigint | undefined;
  /** The clock that closes windows: the group's own time by default. */
  readonly clock?: TimerClock | undefined;
}

/** Windows of a group, for the handlers of a definition. */
export interface Windows<Value> {
  /** A new group's state. */
  state(this: void): WindowState<Value>;
  /** Whether a value, from a snapshot say, can be such a state: for `isState`. The values of windows are not looked at. */
  isState(this: void, state: unknown): boolean;
  /**
   * The open windows that a point belongs to, whose `value` the handler changes. Empty between two windows, and for a point
   * whose windows have all been closed, which is counted as `late`. Throws what `create` throws, and what `Timers.set` does.
   */
  of(this: void, point: AnyPoint, context: WindowContext<Value>): readonly Window<Value>[];
  /**
   * To be called by `timer`: closes the windows that are over, and returns what `finish` makes of each, in order of time.
   * Does nothing unless the timer is theirs: the one named `window`.
   *
   * If `finish` throws for a window, that one is lost: what `finish` makes of the others is emitted, then the first error is
   * thrown.
   */
  close<Output>(
    this: void,
    timer: Timer,
    context: WindowContext<Value>,
    finish: (window: Window<Value>) => Output | undefined,
  ): Output[];
  /** To be called by `stop`: as `close`, for all windows that are open. */
  closeAll<Output>(
    this: void,
    context: WindowContext<Value>,
    finish: (window: Window<Value>) => Output | undefined,
  ): Output[];
}

const timerName = 'window';

/**
 * Windows over the points of a group. `create` makes the value of a new window: plain data, a new object each time. A window
 * of fixed size begins at a multiple of its distance since the epoch, so `1h` is a full hour of UTC.
 *
 * ```ts
 * const minutes = windows.tumbling('1m', () => ({ sum: 0, count: 0 }));
 *
 * export default defineUdf({
 *   name: 'minuteMean',
 *   wants: 'stream',
 *   provides: 'stream',
 *   state: minutes.state,
 *   point(point, context) {
 *     for (const { value } of minutes.of(point, context)) {
 *       value.sum += point.number('value') ?? 0;
 *       value.count++;
 *     }
 *   },
 *   timer: (timer, context) =>
 *     minutes.close(timer, context, ({ start: time, value }) =>
 *       context.newPoint({ mean: value.sum / value.count }, { time }),
 *     ),
 *   stop: (context) =>
 *     minutes.closeAll(context, ({ start: time, value }) =>
 *       context.newPoint({ mean: value.sum / value.count }, { time }),
 *     ),
 * });
 * ```
 *
 * Each throws `invalid_argument` for a duration that is not above 0, or no duration.
 */
export const windows = {
  /** Windows of one size that follow each other. A point belongs to one. */
  tumbling<Value>(size: string | bigint, create: () => Value, options: WindowOptions = {}): Windows<Value> {
    return fixed(durationOf('size', size), durationOf('size', size), create, options);
  },

  /**
   * Windows of one size that begin `every` this long. They overlap if that is less than the size; if it is more, points
   * between two windows belong to none. Throws `invalid_argument` also if a point would belong to more than 1,000.
   */
  sliding<Value>(
    size: string | bigint,
    every: string | bigint,
    create: () => Value,
    options: WindowOptions = {},
  ): Windows<Value> {
    return fixed(durationOf('size', size), durationOf('every', every), create, options);
  },

  /**
   * A window that lasts as long as each point comes within `gap` of the one before. A late point within `gap` of its start
   * belongs to it too. There is no `lateness`: only one is open at a time.
   */
  session<Value>(
    gap: string | bigint,
    create: () => Value,
    { clock }: Pick<WindowOptions, 'clock'> = {},
  ): Windows<Value> {
    const length = durationOf('gap', gap);
    return windowsOf(0n, clock, ({ time }, state) => {
      const open = state.windows.at(-1); // by the wall clock, one before it may be open still
      if (!open || time >= open.end) {
        if (isLate(state, time + length)) return late;
        const window = { start: time, end: time + length, value: create() };
        state.windows.push(window);
        return [window];
      }
      if (time < open.start - length) return late;
      if (time < open.start) open.start = time;
      if (time + length > open.end) open.end = time + length;
      return [open];
    });
  },
};

const maxWindowsPerPoint = 1_000n;

function fixed<Value>(
  size: bigint,
  every: bigint,
  create: () => Value,
  { lateness = 0n, clock }: WindowOptions,
): Windows<Value> {
  if (size / every > maxWindowsPerPoint) {
    throw new UdfError(
      'invalid_argument',
      `a point would belong to ${size / every} windows; at most 1000 can be`,
    );
  }
  return windowsOf(lateness === 0n ? 0n : durationOf('lateness', lateness), clock, ({ time }, state) => {
    const found: Window<Value>[] = [];
    // The remainder of a negative number is negative.
    const last = time - (((time % every) + every) % every);
    for (let start = last; start > time - size; start -= every) {
      const end = start + size;
      if (isLate(state, end)) return found.length > 0 ? found : late; // those before it ended earlier
      let window = state.windows.find((open) => open.start === start);
      if (!window) {
        window = { start, end, value: create() };
        state.windows.push(window);
      }
      found.push(window);
    }
    return found;
  });
}

/** The windows of a point that comes after all of its windows were closed. */
const late: readonly Window<never>[] = [];

function isLate({ closedUpTo }: WindowState<unknown>, end: bigint): boolean {
  return closedUpTo !== null && end <= closedUpTo;
}

function windowsOf<Value>(
  lateness: bigint,
  clock: TimerClock | undefined,
  find: (point: AnyPoint, state: WindowState<Value>) => readonly Window<Value>[],
): Windows<Value> {
  const setTimer = ({ state, timers }: WindowContext<Value>): void => {
    let first: bigint | undefined;
    for (const { end } of state.windows) if (first === undefined || end < first) first = end;
    if (first === undefined) return;
    const at = first + lateness;
    if (timers.get(timerName) !== at) timers.set(timerName, { at, clock });
  };
  const closeUpTo = <Output>(
    { state, emit }: WindowContext<Value>,
    time: bigint | undefined,
    finish: (window: Window<Value>) => Output | undefined,
  ): Output[] => {
    const isOver = ({ end }: Window<Value>): boolean => time === undefined || end <= time;
    const over = state.windows.filter(isOver).sort((a, b) => (a.end < b.end ? -1 : 1));
    state.windows = state.windows.filter((window) => !isOver(window));
    const outputs: Output[] = [];
    let failure: { readonly reason: unknown } | undefined;
    for (const window of over) {
      if (state.closedUpTo === null || window.end > state.closedUpTo) state.closedUpTo = window.end;
      try {
        const output = finish(window);
        if (output !== undefined) outputs.push(output);
      } catch (reason) {
        failure ??= { reason };
      }
    }
    if (!failure) return outputs;
    // A handler that throws returns nothing. It would have returned these: `emit` takes the same.
    for (const output of outputs) emit(output as never);
    throw failure.reason;
  };
  return {
    state: () => ({ windows: [], closedUpTo: null }),
    isState,
    of(point, context) {
      const found = find(point, context.state);
      if (found === late) context.count('late');
      else if (found.length > 0) setTimer(context);
      return found;
    },
    close(timer, context, finish) {
      if (timer.name !== timerName) return [];
      try {
        return closeUpTo(context, timer.time - lateness, finish);
      } finally {
        setTimer(context);
      }
    },
    closeAll: (context, finish) => closeUpTo(context, undefined, finish),
  };
}

function isState(state: unknown): boolean {
  if (typeof state !== 'object' || state === null) return false;
  const { windows: open, closedUpTo } = state as {
    readonly windows?: unknown;
    readonly closedUpTo?: unknown;
  };
  if (closedUpTo !== null && typeof closedUpTo !== 'bigint') return false;
  return (
    Array.isArray(open) &&
    open.every((window: unknown) => {
      if (typeof window !== 'object' || window === null) return false;
      const { start, end } = window as { readonly start?: unknown; readonly end?: unknown };
      return typeof start === 'bigint' && typeof end === 'bigint' && start < end && 'value' in window;
    })
  );
}

function durationOf(what: string, given: string | bigint): bigint {
  const duration = typeof given === 'string' ? parseDuration(given) : given;
  if (typeof duration === 'bigint' && duration > 0n) return duration;
  throw new UdfError(
    'invalid_argument',
    `the ${what} of windows must be a duration above 0, got ${String(given)}`,
  );
}
