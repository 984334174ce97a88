// UDFs that end their worker at steps which `killed-workers.ts` chooses: before, after and between the emits of a call.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getEnvironmentData } from 'node:worker_threads';
import { defineUdf, option } from 'kapacitor-udf';

/** By step, whether it ends the worker that comes to it first; shared by all threads. */
const kills = getEnvironmentData('kapacitor-udf.kills');

function step(number) {
  if (kills && Atomics.exchange(kills, number, 0) === 1) process.exit(1);
}

/** The steps of a call: there are `stepsPerCall` for each number of a point. */
const stepsPerCall = 3;
const callOf = (number, place) => step(Number(number) * stepsPerCall + place);

/** That of `stop` for the group `host=h0`. */
const firstStopStep = 30_000;

const state = () => ({ count: 0, fired: 0, number: 0 });

function counted(point, state) {
  state.number = Number(point.field('n'));
  return point.withFields({ count: ++state.count });
}

/** Emits each point with its number in its group. */
export const counting = defineUdf({
  name: 'counting',
  wants: 'stream',
  provides: 'stream',
  state,
  point(point, { emit, state }) {
    const number = point.field('n');
    callOf(number, 0);
    const out = counted(point, state);
    emit(out);
    callOf(number, 1);
    emit(out);
    callOf(number, 2);
  },
});

async function countLater(point, { emit, state }) {
  const number = point.field('n');
  for (let turns = Number(number % 3n); turns > 0; turns--) await nextTurn();
  callOf(number, 0);
  const out = counted(point, state);
  emit(out);
  await nextTurn();
  callOf(number, 1);
  emit(out);
  await nextTurn();
  callOf(number, 2);
}

/** As `counting`, with calls that take several turns of the event loop. */
export const countingLater = defineUdf({
  name: 'countingLater',
  wants: 'stream',
  provides: 'stream',
  state,
  point: countLater,
});

/** As `countingLater`, with calls that overlap. */
export const overlapping = defineUdf({
  name: 'overlapping',
  wants: 'stream',
  provides: 'stream',
  concurrency: 4,
  ordered: 'all',
  state,
  point: countLater,
});

function withTimers(name, { isAsync = false, ...more }) {
  return defineUdf({
    name,
    wants: 'stream',
    provides: 'stream',
    ...more,
    options: {
      after: option.duration({ required: true, doc: 'Time from a point to its timer.' }),
      clock: option.string({ default: 'event', doc: 'Clock of the timers.' }),
    },
    state,
    point(point, { emit, state, timers, options: { after, clock } }) {
      const number = point.field('n');
      callOf(number, 0);
      timers.set(String(number), { after, clock });
      emit(counted(point, state));
      if (!isAsync) {
        callOf(number, 1);
        return;
      }
      return nextTurn().then(() => callOf(number, 1));
    },
    /** Emits the timer's name, which is the number of a point, and how many have fired in the group. */
    timer({ name }, { emit, newPoint, state }) {
      emit(newPoint({ timer: BigInt(name), fired: BigInt(++state.fired) }));
      if (!isAsync) {
        callOf(name, 2);
        return;
      }
      return nextTurn().then(() => callOf(name, 2));
    },
    stop({ emit, group, newPoint, state }) {
      step(firstStopStep + Number(group.at(-1)));
      emit(newPoint({ left: BigInt(state.count - state.fired) }, { time: 0n }));
    },
  });
}

/** Sets a timer for each point; both are emitted. */
export const timed = withTimers('timed', {});

/** As `timed`, with calls that take several turns of the event loop and have a time limit. */
export const timedLater = withTimers('timedLater', { isAsync: true, callTimeoutMs: 30_000 });
