import type { AnyPoint } from '../model/point.js';
import type { UdfLog } from './context.js';
import { option, type OptionValues } from './option.js';

/** The time of a group's newest point, as a part of the group's state. In two numbers: it changes with every point. */
export interface EventClock {
  /** Whole seconds since the epoch; null before the first point. */
  seconds: number | null;
  /** Nanoseconds of that second. */
  nanos: number;
  /** Consecutive late points since the newest one; absent if there are none. */
  late?: { points: number; readonly since: number } | undefined;
}

/** Whether a value, from a snapshot say, can be a group's clock: a part of the `isState` of a UDF that has one. */
export function isEventClock(value: object): value is EventClock {
  const { seconds, nanos, late } = value as { readonly [Key in keyof EventClock]?: unknown }; // any object may be asked for any key
  if (seconds !== null && !Number.isSafeInteger(seconds)) return false;
  if (!Number.isInteger(nanos) || (nanos as number) < 0 || (nanos as number) >= 1e9) return false;
  if (late === undefined) return true;
  if (typeof late !== 'object' || late === null) return false;
  const { points, since } = late as { readonly points?: unknown; readonly since?: unknown };
  return Number.isSafeInteger(points) && Number.isSafeInteger(since);
}

/** The options of a UDF that uses `advanceClock`, to be spread into its own. */
export const lateOptions = {
  maxLatePoints: option.int({
    default: 10,
    min: 0,
    doc: "After this many late points in a row, over maxLateTime or longer, the next one resets the group's clock.",
  }),
  maxLateTime: option.duration({
    default: '10m',
    min: '0s',
    doc: "The time that late points in a row must span before they reset the group's clock.",
  }),
};

/** What `advanceClock` uses of a handler's context. */
export interface LateContext {
  readonly options: OptionValues<typeof lateOptions>;
  readonly count: (counter: string) => void;
  readonly log: UdfLog;
}

const nanosPerSecond = 1_000_000_000n;

/**
 * Advances a group's clock to a point's time. Returns `late` for a point older than the group's newest, which is counted
 * as `late` and leaves the clock; `newest` for any other.
 *
 * A single point from the far future would make all later points of its group late. So when more than `maxLatePoints` late points in a
 * row span `maxLateTime` or more, the clock is set back to the last of them, which is logged. That one returns `reset`:
 * times that the group's state holds may then be later than the point's.
 */
export function advanceClock(
  clock: EventClock,
  point: AnyPoint,
  context: LateContext,
): 'newest' | 'late' | 'reset' {
  const { seconds, nanoseconds } = point;
  const { seconds: newest } = clock;
  const isLate = newest !== null && seconds <= newest && (seconds < newest || nanoseconds < clock.nanos);
  if (isLate) {
    if (!isBeyondBounds(clock, seconds, context)) {
      context.count('late');
      return 'late';
    }
    logReset(clock, point, context);
  }
  clock.seconds = seconds;
  clock.nanos = nanoseconds;
  if (clock.late !== undefined) clock.late = undefined;
  return isLate ? 'reset' : 'newest';
}

/** Counts a late point. Returns whether the late points exceed both bounds. */
function isBeyondBounds(clock: EventClock, seconds: number, { options }: LateContext): boolean {
  const late = (clock.late ??= { points: 0, since: seconds });
  late.points++;
  const { maxLatePoints, maxLateTime } = options;
  return late.points > maxLatePoints && BigInt(seconds - late.since) * nanosPerSecond >= maxLateTime;
}

function logReset({ seconds, nanos }: EventClock, { group, time }: AnyPoint, { log }: LateContext): void {
  const newest = BigInt(seconds ?? 0) * nanosPerSecond + BigInt(nanos);
  log.warn("late points went on for too long: the group's clock is set back", {
    group,
    from: String(newest),
    to: String(time),
  });
}
