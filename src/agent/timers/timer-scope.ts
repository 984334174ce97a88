import { parseDuration } from '../../model/duration.js';
import { isUdfError, UdfError } from '../../model/errors.js';
import type { TimeInput } from '../../model/values.js';
import {
  type GroupItems,
  type NewItem,
  type TimerClock,
  timerClocks,
  type Timers,
} from '../../udf/timers.js';
import { int64Of } from '../../wire/int64.js';
import type { LazyPoint } from '../../wire/point/lazy-point.js';
import { type HeadSource, newBatch, newPoint, unknownHead } from './group-heads.js';
import type { GroupTimer } from './timer-queue.js';
import type { TimerTable } from './timer-table.js';

/** The `timers` of a handler's context, for the group and the input that is handled: one for handlers that do not overlap. */
export class TimerScope implements Timers, GroupItems<Partial<NewItem>> {
  readonly #table: TimerTable | undefined;
  #group = noGroup;
  /** The input that is handled, for the head of the group. */
  #source: HeadSource | undefined;
  /** What has the time of the points' clock now: the input that is handled, or the timer. */
  #timed: { readonly time: bigint } | undefined;
  /** The timer whose handler is called. Its time is that of new points and batches. */
  #firing: GroupTimer | undefined;

  readonly #onlyWith: readonly string[] | undefined;

  /** `table` is undefined if the use has no `timer`; `onlyWith` names the options that it would have one with. */
  constructor(table: TimerTable | undefined, onlyWith?: readonly string[]) {
    this.#table = table;
    this.#onlyWith = onlyWith;
  }

  /** The input that is handled from now on. Without `timed`, its time is not known yet. */
  enter(group: number, source: HeadSource | undefined, timed: { readonly time: bigint } | undefined): void {
    this.#group = group;
    this.#source = source;
    this.#timed = timed;
  }

  /** A point or the end of the batch that was entered is handled from now on. */
  enterPart(timed: { readonly time: bigint }): void {
    this.#timed = timed;
  }

  enterTimer(timer: GroupTimer): void {
    this.enter(timer.group, undefined, timer.clock === 'wall' || timer.clock === 'idle' ? undefined : timer);
    this.#firing = timer;
  }

  leaveTimer(): void {
    this.#firing = undefined;
  }

  readonly set: Timers['set'] = (name, when) => {
    const table = this.#table;
    this.#requireTimers(table, name);
    if (typeof when !== 'object' || (when as unknown) === null) {
      throw refused(name, "it takes { at: nanoseconds } or { after: '30s' }");
    }
    const { clock = 'event', at, after } = when;
    if (!timerClocks.includes(clock)) {
      throw refused(name, `its clock must be ${timerClocks.map((one) => `'${one}'`).join(' or ')}`);
    }
    if ((at === undefined) === (after === undefined)) throw refused(name, 'it takes one of "at" and "after"');
    const time =
      at === undefined ? this.#now(table, name, clock) + durationOf(name, after) : timeOf(name, at);
    table.set(this.#group, name, clock, time, this.#source, this.#firing);
  };

  readonly whenIdle: Timers['whenIdle'] = (name) => {
    const table = this.#table;
    this.#requireTimers(table, name, 'whenIdle');
    table.set(this.#group, name, 'idle', table.clock.now(), this.#source, this.#firing);
  };

  #requireTimers(table: TimerTable | undefined, name: unknown, call?: string): asserts table is TimerTable {
    if (table === undefined) throw refused(name, this.#whyNone, call);
    if (typeof name !== 'string') throw refused(name, 'its name must be a string', call);
  }

  get #whyNone(): string {
    const names = this.#onlyWith?.map((option) => `.${option}()`).join(' or ');
    return names === undefined
      ? 'the definition has no "timer", which is called when it fires'
      : `by "onlyWith.timer" of the definition, only uses with ${names} have timers`;
  }

  readonly cancel: Timers['cancel'] = (name) => this.#table?.cancel(this.#group, name) ?? false;

  readonly get: Timers['get'] = (name) => this.#table?.timeOf(this.#group, name);

  readonly newPoint: GroupItems<Partial<NewItem>>['newPoint'] = (fields, item = {}) =>
    newPoint(this.#head('newPoint'), fields, this.#timedItem('newPoint', item));

  readonly newBatch: GroupItems<Partial<NewItem>>['newBatch'] = (points, item = {}) =>
    newBatch(this.#head('newBatch'), points, this.#timedItem('newBatch', item));

  #now(table: TimerTable, name: string, clock: TimerClock): bigint {
    if (clock === 'wall') return table.clock.now();
    const timed = this.#timed;
    if (timed === undefined) {
      throw refused(name, 'the points\' time is not known here, that "after" would count from; give it "at"');
    }
    return timed.time;
  }

  #head(call: string): LazyPoint {
    const head = this.#table?.heads.pointOf(this.#group);
    if (head === undefined) throw unknownHead(call);
    return head;
  }

  #timedItem(call: string, { time = this.#firing?.time, tags }: Partial<NewItem>): NewItem {
    if (time === undefined) throw new UdfError('invalid_argument', `${call} needs a time here: { time }`);
    return { time, tags };
  }
}

const noGroup = -1;

function timeOf(name: string, at: TimeInput): bigint {
  try {
    return int64Of(at, 'its time');
  } catch (reason) {
    throw refused(name, UdfError.from(reason).message);
  }
}

/** The text that was parsed last: most UDFs set all timers by the same. */
const lastDuration = { text: '0s', nanoseconds: 0n };

function durationOf(name: string, after: string | bigint): bigint {
  if (typeof after === 'bigint') return after;
  if (after === lastDuration.text) return lastDuration.nanoseconds;
  if (typeof after !== 'string') throw refused(name, `"after" must be a duration ('30s') or a bigint`);
  try {
    lastDuration.nanoseconds = parseDuration(after);
    lastDuration.text = after;
    return lastDuration.nanoseconds;
  } catch (reason) {
    throw isUdfError(reason) ? refused(name, reason.message) : reason;
  }
}

function refused(name: unknown, problem: string, call = 'set'): UdfError {
  return new UdfError('handler', `timers.${call}("${String(name)}"): ${problem}`);
}
