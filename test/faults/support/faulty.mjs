// UDFs with the faults that the suite provokes; which one, the point's field "fault" says.
import { setTimeout as sleep } from 'node:timers/promises';
import { defineUdf } from 'kapacitor-udf';

const kept = [];

export const faulty = defineUdf({
  name: 'faulty',
  wants: 'stream',
  provides: 'stream',
  state: () => ({ seen: 0 }),
  point(point, { emit, state }) {
    state.seen++;
    switch (point.field('fault')) {
      case 'throw':
        throw new Error('no value');
      case 'never':
        return new Promise(() => undefined);
      case 'emit without end':
        for (;;) emit(point);
      case 'emit without end, awaiting':
        return (async () => {
          for (;;) {
            emit(point);
            await null;
          }
        })();
      case 'emit late':
        void sleep(50).then(() => emit(point));
        return point;
      case 'leak':
        kept.push(Buffer.alloc(1024 * 1024, 1));
        return point;
      default:
        return point;
    }
  },
});

export const faultyBatch = defineUdf({
  name: 'faultyBatch',
  wants: 'batch',
  provides: 'batch',
  point(point, { emit }) {
    emit(point);
    if (point.field('fault') === 'emit late') void sleep(50).then(() => emit(point));
  },
});
