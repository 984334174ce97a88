import type { Line } from './line.js';

export interface BatchOptions {
  readonly size: number;
  /** The longest that a line waits for others, in milliseconds. */
  readonly flushMs: number;
  /** Ends the batches with what has come. */
  readonly signal: AbortSignal;
}

/** Gathers lines into batches, as large as asked for if they come quickly. */
export async function* inBatches(
  lines: AsyncIterable<Line>,
  { size, flushMs, signal }: BatchOptions,
): AsyncGenerator<readonly Line[]> {
  const iterator = lines[Symbol.asyncIterator]();
  const stopped = new Promise<'stopped'>((resolve) => {
    if (signal.aborted) resolve('stopped');
    signal.addEventListener('abort', () => {
      resolve('stopped');
    });
  });
  let batch: Line[] = [];
  let due = Infinity;
  let next = iterator.next();
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      if (batch.length > 0) timer = setTimeout(resolve, Math.max(0, due - performance.now()), 'late');
    });
    const came = await Promise.race([next, stopped, late]);
    clearTimeout(timer);
    if (came === 'stopped') break;
    if (came !== 'late') {
      if (came.done) break;
      if (batch.push(came.value) === 1) due = performance.now() + flushMs;
      next = iterator.next();
    }
    if (batch.length >= size || (batch.length > 0 && performance.now() >= due)) {
      yield batch;
      batch = [];
    }
  }
  // It may be waiting for something that never comes; its own signal ends it.
  next.catch(() => undefined);
  void iterator.return?.().catch(() => undefined);
  if (batch.length > 0) yield batch;
}
