import { defineUdf, type Timer } from 'kapacitor-udf';

export const second = 1_000_000_000n;

/** Emits what each timer is; points set timers by their fields. */
export const timed = defineUdf({
  name: 'timed',
  wants: 'stream',
  provides: 'stream',
  options: {},
  state: () => ({ points: 0 }),
  point(point, { state, timers }) {
    state.points++;
    const { name, at, after, clock, cancel } = point.fields as Readonly<Record<string, string | bigint>>;
    if (cancel !== undefined) timers.cancel(cancel as string);
    if (name === undefined) return;
    const when = at === undefined ? { after: after as string } : { at: (at as bigint) * second };
    timers.set(name as string, { ...when, clock: (clock ?? 'event') as Timer['clock'] });
  },
  timer({ name, time, clock }, { newPoint, state, now }) {
    const seconds = Number(time / second);
    return newPoint({ name, seconds, clock, points: state.points, now: Number(now() / second) });
  },
});

/** Seconds as nanoseconds. */
export const at = (seconds: number): bigint => BigInt(seconds) * second;
