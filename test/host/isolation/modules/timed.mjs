import { writeFileSync } from 'node:fs';
import { defineUdf } from 'kapacitor-udf';

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
