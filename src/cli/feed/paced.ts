import { setTimeout as wait } from 'node:timers/promises';
import type { Line } from './line.js';

const longestWaitMs = 60_000;

/** The same lines, held to their own times: `speed` seconds of them take one. */
export async function* paced(
  lines: AsyncIterable<Line>,
  speed: number,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  let first: { readonly time: bigint; readonly at: number } | undefined;
  for await (const line of lines) {
    if (speed !== Infinity) {
      first ??= { time: line.time, at: performance.now() };
      const due = first.at + Number(line.time - first.time) / 1e6 / speed;
      for (let left = due - performance.now(); left > 1 && !signal.aborted; left = due - performance.now()) {
        await wait(Math.min(left, longestWaitMs), undefined, { signal }).catch(() => undefined);
      }
    }
    yield line;
  }
}
