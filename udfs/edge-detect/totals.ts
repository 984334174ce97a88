import type { GroupItems, NewItem, Point, Timers } from 'kapacitor-udf';
import { type Options, totalName } from './options.js';
import type { GroupState, GroupTotals } from './state.js';
import type { Reading, Watch } from './watch.js';

/** What totals use of a handler's context. */
interface TotalsContext {
  readonly state: GroupState;
  readonly timers: Timers;
}

interface EmitContext extends TotalsContext {
  readonly newPoint: GroupItems<NewItem>['newPoint'];
  readonly emit: (point: Point) => void;
  readonly now: () => bigint;
}

/** Adds up a group's time in each state, and emits it at the end of each interval. */
export interface Totals {
  /** Credits the time up to `time` to the group's present state; to none if the group is silent. */
  credit(time: bigint, state: GroupState): void;
  /** To be called after each point: begins an interval if none is open. */
  follow(time: bigint, context: TotalsContext): void;
  /** Emits the interval that ends at `time`, and begins the next one. */
  endInterval(time: bigint, context: EmitContext): void;
  /** Emits the interval that is open. */
  stop(context: EmitContext): void;
  /** Sets the time back to `time`, as what was credited came from a wrong clock. */
  reset(time: bigint, context: TotalsContext): void;
}

/** Max states of a group and interval. Further ones are counted together, as `other`. */
const maxStates = 100;
const other = 'other';

/** Max intervals in a row without a point of the group: a time far in the future would end any number of them. */
const maxQuietIntervals = 1_000;

export function createTotals(options: Options, watch: Watch): Totals | undefined {
  const { totalsEvery: interval, stateTag = 'state', clock, maxLateTime } = options;
  if (interval === undefined) return undefined;
  const field = totalName(options);
  const unit = Number(options.unit);
  const timerClock = clock === 'wall' ? 'wall' : 'connection';
  const maxLag = interval > maxLateTime ? interval : maxLateTime;

  const credit = (time: bigint, state: GroupState): void => {
    const { totals, value, silent } = state;
    if (totals === undefined || time <= totals.until) return;
    const text = silent === true ? undefined : textOf(value, watch);
    if (text !== undefined) add(totals, text, time - totals.until);
    totals.until = time;
  };
  const begin = (start: bigint, until: bigint, quiet: number, { state, timers }: TotalsContext): void => {
    state.totals = { start, until, quiet, states: [], spent: [] };
    timers.set('totals', { at: start + interval, clock: timerClock });
  };
  const emitTotals = ({ state, emit, newPoint }: EmitContext): void => {
    const { start: time, states, spent } = state.totals!; // checked by the callers
    for (const [index, text] of states.entries()) {
      const tags = text === '' ? {} : { [stateTag]: text }; // InfluxDB has no empty tags
      emit(newPoint({ [field]: Number(spent[index]!) / unit }, { time, tags }));
    }
  };
  return {
    credit,
    follow(time, context) {
      const { totals } = context.state;
      if (
        totals === undefined ||
        context.timers.get('totals') === undefined ||
        time + maxLag < totals.start
      ) {
        begin(startOf(time, interval), time, 0, context);
      } else if (totals.quiet > 0) {
        totals.quiet = 0;
      }
    },
    endInterval(time, context) {
      const { state } = context;
      if (state.totals === undefined) return;
      credit(time, state);
      emitTotals(context);
      const quiet = state.totals.quiet + 1;
      if (state.silent === true || quiet > maxQuietIntervals) state.totals = undefined;
      else begin(startOf(time, interval), state.totals.until, quiet, context);
    },
    stop(context) {
      const { state, now } = context;
      if (state.totals === undefined) return;
      const { seconds, nanos } = state;
      credit(clock === 'wall' ? now() : BigInt(seconds ?? 0) * 1_000_000_000n + BigInt(nanos), state);
      emitTotals(context);
    },
    reset(time, context) {
      const { totals } = context.state;
      if (totals === undefined || totals.until <= time) return;
      const start = startOf(time, interval);
      if (start === totals.start) totals.until = time;
      else begin(start, time, 0, context);
    },
  };
}

/** The start of the interval that a time is in. Intervals begin at multiples of their length since the epoch. */
function startOf(time: bigint, interval: bigint): bigint {
  return time - (((time % interval) + interval) % interval); // the remainder of a negative number is negative
}

function textOf(value: Reading | undefined, watch: Watch): string | undefined {
  return watch
    .values(value)
    ?.map((one) => (one === null ? '' : String(one)))
    .join(',');
}

function add({ states, spent }: GroupTotals, text: string, time: bigint): void {
  let index = states.indexOf(text);
  if (index < 0 && states.length >= maxStates) {
    text = other;
    index = states.indexOf(other);
  }
  if (index < 0) {
    states.push(text);
    spent.push(time);
  } else {
    spent[index] = spent[index]! + time;
  }
}
