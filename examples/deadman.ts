// A deadman by the clock: tells that a group has fallen silent although no point comes, and that it is back. Kapacitor's own
// `|deadman` counts points per interval for a whole node; this one knows each group, and survives a restart of the task.
//
//   @silence().after(5m)
//       |alert().crit(lambda: "alive" == FALSE)
import { defineUdf, option } from 'kapacitor-udf';

export default defineUdf({
  name: 'silence',
  doc: 'Emits a point when a group has fallen silent, and when it is back.',
  wants: 'stream',
  provides: 'stream',
  options: {
    after: option.duration({ default: '5m', min: '1ms', doc: 'Time without points, by the clock.' }),
    as: option.field({ default: 'alive', doc: 'Field that is FALSE for silence.' }),
  },
  state: () => ({ isSilent: false }),
  point(point, { options, state, timers }) {
    timers.set('silence', { after: options.after, clock: 'wall' });
    if (!state.isSilent) return;
    state.isSilent = false;
    return point.replaceFields({ [options.as]: true });
  },
  timer(_timer, { options, state, newPoint }) {
    state.isSilent = true;
    return newPoint({ [options.as]: false });
  },
});
