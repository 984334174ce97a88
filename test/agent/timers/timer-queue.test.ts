import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareTimers, type GroupTimer, TimerQueue } from '../../../src/agent/timers/timer-queue.js';

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
          const timer: GroupTimer = known ?? {
            group,
            name: '',
            clock: 'wall',
            time,
            order: 0,
            slot: undefined,
          };
          timer.time = time;
          timer.order = ++order;
          set.set(group, timer);
          queue.set(timer, known === undefined);
        } else if (kind === 'cancel') {
          const timer = set.get(group);
          if (timer) queue.remove(timer);
          set.delete(group);
        } else {
          for (;;) {
            const first = [...set.values()].sort(compareTimers)[0];
            const expected = first && first.time <= time ? first : undefined;
            const due = queue.firstDue(time);
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
  const timer = (time: bigint, order: number): GroupTimer => ({
    ...{ group: order, name: '', clock: 'wall', time, order, slot: undefined },
  });
  const [later, sooner] = [timer(20n, 1), timer(10n, 2)];
  expect(queue.set(later, true)).toBe(true);
  expect(queue.set(sooner, true)).toBe(true);
  sooner.time = 30n;
  expect(queue.set(sooner, false)).toBe(false);
});

test('stays as small as the timers that are set, however often they are set and cancelled', () => {
  const queue = new TimerQueue();
  let held = 0;
  for (let order = 0; order < 10_000; order++) {
    const timer: GroupTimer = { group: 0, name: '', clock: 'wall', time: 1_000_000n, order, slot: undefined };
    queue.set(timer, true);
    queue.remove(timer);
    held = Math.max(held, queue.slots);
  }
  expect(held).toBeLessThan(200);
});
