// Sessions, from a stream to batches: the points of a group belong together until none came for some time. A timer ends a
// session when points of any group show that the time has passed; what is open when the task stops is emitted then.
//
//   @sessions().gap(30m)
import { defineUdf, option, type Point } from 'kapacitor-udf';

export default defineUdf({
  name: 'sessions',
  doc: 'Emits the points of each session of a group as a batch.',
  wants: 'stream',
  provides: 'batch',
  options: {
    gap: option.duration({
      default: '30m',
      min: '1ns',
      doc: 'A session ends after this time without points.',
    }),
  },
  state: () => ({ points: [] as Point[] }),
  point(point, { options, state, timers }) {
    state.points.push(point.detach()); // kept beyond this call
    timers.set('end', { after: options.gap, clock: 'connection' });
  },
  timer(_timer, { state, newBatch }) {
    const session = newBatch(state.points);
    state.points = [];
    return session;
  },
  stop({ state: { points }, newBatch }) {
    const last = points.at(-1);
    return last && newBatch(points, { time: last.time });
  },
});
