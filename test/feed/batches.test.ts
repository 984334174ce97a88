import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { batchLines } from '../../src/feed/batches.js';
import type { Line } from '../../src/feed/lines.js';
import { collectGarbage } from '../support/held-bytes.js';

const line = (number: number): Line => ({
  text: `m v=${number} ${number}`,
  time: BigInt(number),
  from: `line ${number}`,
});

/** Lines that come when the test says so. */
class Source implements AsyncIterableIterator<Line> {
  asked = 0;
  returned = 0;
  #answer: ((result: IteratorResult<Line>) => void) | undefined;

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Line>> {
    this.asked++;
    return new Promise((resolve) => {
      this.#answer = resolve;
    });
  }

  return(): Promise<IteratorResult<Line>> {
    this.returned++;
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The lines with these numbers come, each once it is asked for. */
  async give(...numbers: readonly number[]): Promise<void> {
    for (const number of numbers) {
      while (!this.#answer) await Promise.resolve();
      this.#answer({ done: false, value: line(number) });
      this.#answer = undefined;
    }
    await Promise.resolve();
  }
}

async function* numbered(last: number): AsyncGenerator<Line> {
  for (let number = 1; number <= last; number++) yield await Promise.resolve(line(number));
}

function batchesOf(lines: AsyncIterable<Line>, size = 3) {
  const stop = new AbortController();
  const batches = batchLines(lines, { size, flushMs: 1000, signal: stop.signal });
  return { batches, stop };
}

/** The numbers of the lines in each batch. */
const numbersOf = (batch: readonly Line[] | undefined): number[] | undefined =>
  batch?.map(({ time }) => Number(time));

async function numbersOfAll(batches: AsyncIterable<readonly Line[]>): Promise<(number[] | undefined)[]> {
  const all: (number[] | undefined)[] = [];
  for await (const batch of batches) all.push(numbersOf(batch));
  return all;
}

function fakeTimers(): void {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
}

describe('lines that come quickly', () => {
  test.each([
    [0, []],
    [2, [[1, 2]]],
    [3, [[1, 2, 3]]],
    [7, [[1, 2, 3], [4, 5, 6], [7]]],
  ])('fill the batches, and the last one has the rest: %d', async (last, batches) => {
    expect(await numbersOfAll(batchesOf(numbered(last)).batches)).toEqual(batches);
  });

  test('are each a batch where batches are of one', async () => {
    expect(await numbersOfAll(batchesOf(numbered(3), 1).batches)).toEqual([[1], [2], [3]]);
  });
});

describe('lines that come slowly', () => {
  test('wait for others so long, from the first of them, and no longer', async () => {
    fakeTimers();
    const source = new Source();
    const { batches } = batchesOf(source);
    const came = vi.fn();
    void batches.next().then(came);
    await vi.advanceTimersByTimeAsync(5000);
    await source.give(1);
    await vi.advanceTimersByTimeAsync(600);
    await source.give(2);
    await vi.advanceTimersByTimeAsync(399);
    expect(came).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(came).toHaveBeenCalledWith({ done: false, value: [line(1), line(2)] });
  });

  test('wait anew in the next batch', async () => {
    fakeTimers();
    const source = new Source();
    const { batches } = batchesOf(source);
    const first = batches.next();
    await source.give(1, 2);
    await vi.advanceTimersByTimeAsync(900);
    await source.give(3);
    expect(numbersOf((await first).value as Line[])).toEqual([1, 2, 3]);

    const came = vi.fn();
    void batches.next().then(came);
    await source.give(4);
    await vi.advanceTimersByTimeAsync(999);
    expect(came).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(came).toHaveBeenCalledWith({ done: false, value: [line(4)] });
  });

  test('are ready at once if they came, and waited long enough, while the batch before was used', async () => {
    fakeTimers();
    const source = new Source();
    const { batches } = batchesOf(source);
    const first = batches.next();
    await source.give(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(numbersOf((await first).value as Line[])).toEqual([1]);
    await source.give(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(numbersOf((await batches.next()).value as Line[])).toEqual([2]);
  });
});

test('while a batch is used, no more lines are read', async () => {
  const source = new Source();
  const { batches } = batchesOf(source);
  const first = batches.next();
  await source.give(1, 2, 3);
  await first;
  expect(source.asked).toBe(3);
});

describe('a signal', () => {
  test('ends the batches with what has come, and lets the lines go', async () => {
    const source = new Source();
    const { batches, stop } = batchesOf(source);
    const all = numbersOfAll(batches);
    await source.give(1, 2, 3, 4);
    stop.abort();
    expect(await all).toEqual([[1, 2, 3], [4]]);
    expect(source.returned).toBe(1);
  });

  test('that came before lets no line be read', async () => {
    const source = new Source();
    const { batches, stop } = batchesOf(source);
    stop.abort();
    expect(await numbersOfAll(batches)).toEqual([]);
    expect(source.asked).toBe(0);
  });
});

test('what the lines throw is thrown after the lines that came before it', async () => {
  const failing = async function* (): AsyncGenerator<Line> {
    yield* numbered(4);
    throw new Error('the disk is gone');
  };
  const { batches } = batchesOf(failing());
  expect(numbersOf((await batches.next()).value as Line[])).toEqual([1, 2, 3]);
  expect(numbersOf((await batches.next()).value as Line[])).toEqual([4]);
  await expect(batches.next()).rejects.toThrow('the disk is gone');
});

describe('nothing is left behind:', () => {
  test('no listener and no timer, whoever ends it', async () => {
    fakeTimers();
    for (const end of ['the lines', 'the reader']) {
      const { batches, stop } = batchesOf(numbered(5), 2);
      for await (const batch of batches) if (end === 'the reader' && batch.length === 2) break;
      expect(getEventListeners(stop.signal, 'abort'), end).toEqual([]);
      expect(vi.getTimerCount(), end).toBe(0);
    }
  });

  test('no line is held once its batch is used', async () => {
    const { batches } = batchesOf(numbered(400), 100);
    const used: WeakRef<Line>[] = [];
    const use = async (): Promise<void> => {
      for (const passed of (await batches.next()).value as Line[]) used.push(new WeakRef(passed));
    };
    await use();
    await use();
    await use();
    await setImmediate(); // weak references hold until the end of the turn that they were made in
    collectGarbage();
    const held = used.slice(0, 200).filter((reference) => reference.deref());
    expect(held).toHaveLength(0);
    await batches.return(undefined);
  });
});
