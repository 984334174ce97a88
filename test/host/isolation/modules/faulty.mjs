// Counts the points of each group and does what a point's field `do` says: the faults of authors.
import { closeSync, openSync } from 'node:fs';
import { defineUdf } from 'kapacitor-udf';

/** Whether this is the first time, over all workers, that it is called with `name`. FAULTS_DIR holds what was. */
function isFirst(name) {
  try {
    closeSync(openSync(`${process.env.FAULTS_DIR}/${name}`, 'wx'));
    return true;
  } catch {
    return false;
  }
}

const leaked = [];

const faults = {
  exit: () => process.exit(0),
  loop: () => {
    for (;;);
  },
  regexp: () => /^(a+)+$/.test('a'.repeat(40) + 'b'),
  heap: () => {
    for (;;) leaked.push({ value: leaked.length, text: `text ${leaked.length}` });
  },
  buffers: () => {
    for (let count = 0; count < 40; count++) leaked.push(Buffer.alloc(16 * 1024 * 1024, 1));
    return new Promise((resolve) => setTimeout(resolve, 1_000));
  },
  timer: () => {
    setTimeout(() => {
      throw new Error('thrown in a timer');
    });
    return new Promise((resolve) => setTimeout(resolve, 1_000));
  },
  emitter: async () => {
    const { EventEmitter } = await import('node:events');
    setImmediate(() => new EventEmitter().emit('error', new Error('no listener')));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  },
  hang: () => new Promise(() => undefined),
  throw: () => undefined,
  globals: () => {
    Array.prototype.push = () => {
      throw new Error('a changed global');
    };
    [].push(1);
  },
};

const state = () => ({ count: 0 });

async function act(point) {
  const action = point.fields.do;
  if (action === undefined) return;
  const [name, times] = String(action).split(' ');
  if (times !== 'always' && !isFirst(`${name}-${point.time}`)) return;
  await faults[name]();
}

export const faulty = defineUdf({
  name: 'faulty',
  wants: 'stream',
  provides: 'stream',
  state,
  point(point, { state }) {
    const emitted = () => point.withFields({ count: ++state.count });
    return point.fields.do === undefined ? emitted() : act(point).then(emitted);
  },
});

/** As `faulty`, with calls that overlap and end in another order than they begin. */
export const faultyOverlap = defineUdf({
  name: 'faultyOverlap',
  wants: 'stream',
  provides: 'stream',
  concurrency: 5,
  state,
  async point(point, { state }) {
    for (let turns = Number((point.time * 7n) % 5n); turns > 0; turns--) await new Promise(setImmediate);
    await act(point);
    if (point.fields.do === 'throw always') throw new Error('refused');
    return point.withFields({ count: ++state.count });
  },
});

/** The points of each batch, with the number of batches that its group has had. */
export const faultyBatch = defineUdf({
  name: 'faultyBatch',
  wants: 'batch',
  provides: 'batch',
  state,
  async batch(batch, { state }) {
    for (const point of batch.points) await act(point);
    state.count++;
    return batch.withPoints(batch.points.map((point) => point.withFields({ count: state.count })));
  },
});

export const faultyPoints = defineUdf({
  name: 'faultyPoints',
  wants: 'batch',
  provides: 'stream',
  state,
  async point(point, { state }) {
    await act(point);
    return point.withFields({ count: ++state.count });
  },
});

/** Emits each group's count at the end; the group `bad` exits instead, the first time or always. */
export const faultyStop = defineUdf({
  name: 'faultyStop',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ count: 0, last: undefined }),
  point(point, { state }) {
    state.count++;
    state.last = point.detach();
  },
  stop({ state }) {
    const { last, count } = state;
    const action = last.fields.do;
    if (action !== undefined && (action === 'always' || isFirst('stop'))) process.exit(1);
    return last.withFields({ count });
  },
});
