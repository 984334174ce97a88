import { describe, expect, test } from 'vitest';
import { StartQueue } from '../../../../src/host/isolation/worker/start-queue.js';

/** Starts that are ended by the test. */
function setUp(max: number) {
  const queue = new StartQueue(max);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const add = (name: string): void => {
    queue.add(() => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    });
  };
  const end = async (name: string): Promise<void> => {
    ends.get(name)!();
    await Promise.resolve();
  };
  return { add, begun, end };
}

describe('starts of workers', () => {
  test('begin at once while there is room, and else in their order', async () => {
    const { add, begun, end } = setUp(2);
    for (const name of ['a', 'b', 'c', 'd']) add(name);
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('a');
    await end('c');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  test('of any number end', async () => {
    const queue = new StartQueue(3);
    let ended = 0;
    for (let count = 0; count < 10_000; count++) {
      queue.add(() => {
        ended++;
        return Promise.resolve();
      });
    }
    await expect.poll(() => ended).toBe(10_000);
  });
});
