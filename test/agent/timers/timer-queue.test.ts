import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareTimers, GroupTimer, TimerQueue } from '../../../src/agent/timers/timer-queue.js';

const operation = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('set'), timer: fc.nat(9), time: fc.bigInt(0n, 30n) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cancel'), timer: fc.nat(9), time: fc.constant(0n) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('fire'), timer: fc.constant(0), time: fc.bigInt(0n, 30n) }),
  },
);

test('fires the same timers in the same order as a sorted list', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const queue = new TimerQueue();
      const set = new Map<number, GroupTimer>();
      let order = 0;
      for (const { kind, timer: group, time } of operations) {
        if (kind === 'set') {
          const known = set.get(group);
          const timer = known ?? new GroupTimer(group, '', 'wall', time, 0);
          timer.time = time;
          timer.order = ++order;
          set.set(group, timer);
          if (known) queue.move(timer);
          else queue.add(timer);
        } else if (kind === 'cancel') {
          const timer = set.get(group);
          if (timer) queue.remove(timer);
          set.delete(group);
        } else {
          for (;;) {
            const first = [...set.values()].sort(compareTimers)[0];
            const expected = first && first.time <= time ? first : undefined;
            const due = queue.firstDue(time);
            if (due === 'more') continue;
            expect(due).toBe(expected);
            if (!due) break;
            queue.remove(due);
            set.delete(due.group);
          }
        }
        const times = Array.from(set.values(), (timer) => timer.time);
        const first = times.sort((a, b) => Number(a - b))[0];
        // It may name an earlier time, never a later one.
        if (first !== undefined) expect(queue.nextTime! <= first).toBe(true);
      }
    }),
  );
});

test('tells whether a timer has become the next one, so that the clock is asked to wake for it', () => {
  const queue = new TimerQueue();
  const [later, sooner] = [new GroupTimer(1, '', 'wall', 20n, 1), new GroupTimer(2, '', 'wall', 10n, 2)];
  expect(queue.add(later)).toBe(true);
  expect(queue.add(sooner)).toBe(true);
  sooner.time = 30n;
  expect(queue.move(sooner)).toBe(false);
  later.time = 5n;
  later.order = 3;
  expect(queue.move(later)).toBe(true);
});

test('stays as small as the timers that are set, however often they are set and cancelled', () => {
  const queue = new TimerQueue();
  let held = 0;
  for (let order = 0; order < 10_000; order++) {
    const timer = new GroupTimer(0, '', 'wall', 1_000_000n, order);
    queue.add(timer);
    queue.remove(timer);
    held = Math.max(held, queue.places);
  }
  expect(held).toBeLessThan(200);
});

test('puts off many timers in several steps, so that the event loop can run in between', () => {
  const queue = new TimerQueue();
  const timers = Array.from({ length: 1000 }, (_, order) => new GroupTimer(order, '', 'wall', 1n, order));
  for (const timer of timers) queue.add(timer);
  for (const [index, timer] of timers.entries()) {
    timer.time = 10n;
    timer.order = 1000 + index;
    queue.move(timer);
  }
  expect(queue.firstDue(5n)).toBe('more');
  let due;
  do due = queue.firstDue(10n);
  while (due === 'more');
  expect(due).toBe(timers[0]);
});

test('orders times exactly, whatever their size', () => {
  const times = fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
  const near = fc.array(fc.bigInt({ min: 1_700_000_000_000_000_000n, max: 1_700_000_000_000_000_009n }));
  fc.assert(
    fc.property(fc.oneof(times, near), (given) => {
      const queue = new TimerQueue();
      for (const [order, time] of given.entries()) queue.add(new GroupTimer(order, '', 'wall', time, order));
      const fired: bigint[] = [];
      for (let due; (due = queue.firstDue(2n ** 63n)) instanceof GroupTimer;) {
        queue.remove(due);
        fired.push(due.time);
      }
      expect(fired).toEqual(given.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    }),
  );
});
