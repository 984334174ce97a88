import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { defineUdf, option } from 'kapacitor-udf';

/** Emits each point with how many its group has had, and the sum of their values: any loss or repetition shows. */
export const counting = defineUdf({
  name: 'counting',
  doc: 'Counts the points of each group.',
  wants: 'stream',
  provides: 'stream',
  options: {
    padding: option.int({ default: 0, doc: 'Bytes added to the state of each group.' }),
    pause: option.int({ default: 0, doc: 'Milliseconds that a point takes.' }),
  },
  state: () => ({ count: 0n, sum: 0n, padding: '' }),
  point(point, { state, options, emit }) {
    const next = () => counted(point, { state, options, emit });
    return options.pause === 0n ? next() : delay(Number(options.pause)).then(next);
  },
});

function counted(point, { state, options, emit }) {
  if (state.count === 0n) state.padding = noise(point.tags.host, Number(options.padding));
  state.count++;
  state.sum += point.fields.value;
  emit(point.withFields({ count: state.count, sum: state.sum }));
}

/** Emits a point a second of the clock after the first one of a group, with the number of points until then. */
export const silent = defineUdf({
  name: 'silent',
  doc: 'Tells how many points a group had when it fell silent.',
  wants: 'stream',
  provides: 'stream',
  options: {},
  state: () => ({ count: 0n }),
  point(_point, { state, timers }) {
    state.count++;
    timers.set('silence', { clock: 'wall', after: '1s' });
  },
  timer(_timer, { state, newPoint, emit }) {
    emit(newPoint({ silent: state.count }));
  },
});

/** Throws on points with a field `bad`. */
export const failing = defineUdf({
  name: 'failing',
  doc: 'Throws on points with a field bad.',
  wants: 'stream',
  provides: 'stream',
  options: {},
  point(point, { emit }) {
    if ('bad' in point.fields) throw new Error('this one is bad');
    emit(point);
  },
});

/** A text that no encoding makes small. */
function noise(seed, length) {
  let text = '';
  while (text.length < length) text += createHash('sha512').update(`${seed} ${text.length}`).digest('base64');
  return text.slice(0, length);
}
