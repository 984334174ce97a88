import { defineUdf } from 'kapacitor-udf';

const ms = 50;

function work() {
  const end = Date.now() + ms;
  while (Date.now() < end);
}

const after = (taken, result) => taken?.then(() => result) ?? result;

const workLater = () => new Promise((resolve) => setTimeout(resolve, ms));

/** Has handlers that take 50 ms each, except for points without the field `v`, which set a timer by their fields. */
const slow = (name, take) =>
  defineUdf({
    name,
    wants: 'stream',
    provides: 'stream',
    onError: 'drop',
    state: () => ({ last: undefined }),
    point(point, { timers, state }) {
      state.last = point.detach();
      const { timer, clock, ms } = point.fields;
      if (timer === undefined) return after(take(), point);
      timers.set(timer, { after: ms * 1_000_000n, clock });
    },
    timer({ name }, { newPoint }) {
      if (name === 'hang') return new Promise(() => undefined);
      return after(take(), newPoint({ timer: name }));
    },
    stop({ state: { last } }) {
      if (last.fields.stop === undefined) return;
      return after(take(), last.withFields({ stopped: true }));
    },
  });

/** Whose handlers block the event loop meanwhile. */
export const slowSync = slow('slowSync', work);
/** Whose handlers return promises. */
export const slowAsync = slow('slowAsync', workLater);
