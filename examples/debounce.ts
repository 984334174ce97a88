// A debounce: a new value passes once it has lasted for some time by the clock, with the point that it began with. Shorter
// interruptions are not seen. (`edgeDetect` has `.hold()` for this, with more options.)
//
//   @settled().field('state').hold(10s)
import { defineUdf, type FieldValue, option, type Point } from 'kapacitor-udf';

export default defineUdf({
  name: 'settled',
  doc: 'Passes the point of a new value once the value has lasted.',
  wants: 'stream',
  provides: 'stream',
  options: {
    field: option.field({ required: true, doc: 'Field to watch.' }),
    hold: option.duration({ default: '10s', min: '1ms', doc: 'How long a value must last.' }),
  },
  state: () => ({ passed: null as FieldValue | null, waiting: null as Point | null }),
  point(point, { options: { field, hold }, state, timers }) {
    const value = point.field(field);
    if (value === undefined || value === state.waiting?.field(field)) return;
    if (value === state.passed) {
      state.waiting = null;
      timers.cancel('hold');
    } else {
      state.waiting = point.detach();
      timers.set('hold', { after: hold, clock: 'wall' });
    }
  },
  timer(_timer, { options, state }) {
    const { waiting } = state;
    state.passed = waiting?.field(options.field) ?? null;
    state.waiting = null;
    return waiting;
  },
});
