import { writeFileSync } from 'node:fs';
import { defineUdf, option } from 'kapacitor-udf';

/** Whether nothing has called this with the name before, in any worker. */
function isFirst(name) {
  try {
    writeFileSync(`${process.env.TIMED_DIR}/${name}`, '', { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

function act({ do: action, key }) {
  while (action === 'loop');
  if (action === 'exit always' || (action === 'exit' && isFirst(key))) process.exit(1);
}

/** Each point sets a timer of the wall clock by its fields `ms` and `name`, and is emitted; so is each timer. */
export const timed = defineUdf({
  name: 'timed',
  wants: 'stream',
  provides: 'stream',
  onError: 'drop',
  state: () => ({ actions: {}, fired: 0 }),
  point(point, { timers, state }) {
    const { ms, name, exitTimer, ...fields } = point.fields;
    act(fields);
    if (ms !== undefined) {
      timers.set(name, { after: BigInt(ms) * 1_000_000n, clock: 'wall' });
      state.actions[name] = { do: exitTimer ?? '', key: `timer-${name}` };
    }
    return point;
  },
  timer({ name }, { newPoint, state }) {
    act(state.actions[name] ?? {});
    state.fired++;
    return newPoint({ name, fired: state.fired });
  },
});

/** Emits each point with whether the clock stands still while it is handled, and sets a timer if the options say when. */
export const optional = defineUdf({
  name: 'optional',
  wants: 'stream',
  provides: 'stream',
  options: { after: option.duration({ doc: 'Time to the timer.' }) },
  onlyWith: { timer: ['after'] },
  point(point, { now, options, timers }) {
    if (options.after !== undefined) timers.set('x', { after: options.after, clock: 'wall' });
    const before = now();
    const end = Date.now() + 20;
    while (Date.now() < end);
    return point.withField('name', now() === before ? 'driven' : 'free');
  },
  timer: ({ name }, { newPoint }) => newPoint({ name }),
});
