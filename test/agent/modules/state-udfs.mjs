// UDFs whose state is kept.
import { defineUdf, option } from 'kapacitor-udf';

const edges = { wants: 'stream', provides: 'stream' };

/** Counts the points of each group; fails on a point with the field `bad`, ends its worker on one with `exit`. */
export const counter = defineUdf({
  name: 'counter',
  ...edges,
  options: { start: option.int({ default: 0, doc: 'First count.' }) },
  state: ({ start }) => ({ seen: start }),
  point(point, { state, emit }) {
    if (point.field('bad') !== undefined) throw new Error('bad point');
    if (point.field('exit') !== undefined) process.exit(1);
    emit(point.replaceFields({ seen: ++state.seen }));
  },
});

/** Clears its state in `stop`. */
export const clearing = defineUdf({
  name: 'clearing',
  ...edges,
  state: () => ({ seen: 0 }),
  point: (point, { state }) => point.replaceFields({ seen: ++state.seen }),
  stop({ state }) {
    state.seen = 0;
  },
});

export const stateless = defineUdf({
  name: 'stateless',
  ...edges,
  point: (point) => point.replaceFields({ seen: 1 }),
});

/** Counts the points of batches, one by one. */
export const streamed = defineUdf({
  name: 'streamed',
  wants: 'batch',
  provides: 'stream',
  state: () => ({ seen: 0 }),
  point: (point, { state }) => point.replaceFields({ seen: ++state.seen }),
});

/** Never comes back from a point with the field `hang`. */
export const hanging = defineUdf({
  name: 'hanging',
  ...edges,
  state: () => ({ seen: 0 }),
  point(point, { state }) {
    if (point.field('hang') !== undefined) for (;;);
    return point.replaceFields({ seen: ++state.seen });
  },
});
