import { expect, test } from 'vitest';
import { Feed } from '../../../../src/host/isolation/supervisor/feed.js';
import { type Step, WorkQueue } from '../../../../src/host/isolation/supervisor/work-queue.js';

function queueOf(): {
  readonly queue: WorkQueue;
  readonly abandoned: string[];
  readonly step: (name: string) => Omit<Step, 'at'>;
} {
  const abandoned: string[] = [];
  const step = (name: string): Omit<Step, 'at'> => ({
    kind: 'reload',
    run: () => Promise.resolve(),
    abandon: () => abandoned.push(name),
  });
  return { queue: new WorkQueue(new Feed(), () => undefined), abandoned, step };
}

test('steps that wait are abandoned when the queue is closed, and those that come later at once', () => {
  const { queue, abandoned, step } = queueOf();
  queue.add(step('before'));
  expect(abandoned).toEqual([]);
  queue.close();
  expect(abandoned).toEqual(['before']);
  queue.add(step('after'));
  expect(abandoned).toEqual(['before', 'after']);
  expect(queue.hasSteps).toBe(false);
});

test('the last position is that of the step which was added last', () => {
  const { queue, step } = queueOf();
  expect(queue.lastPosition).toBe(0);
  queue.add(step('first'), 5);
  queue.add(step('second'), 7);
  expect(queue.lastPosition).toBe(7);
});
