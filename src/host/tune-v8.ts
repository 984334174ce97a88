import { setFlagsFromString } from 'node:v8';

/**
 * Sets V8's flags for many small points through large buffers. Call it before any code is hot. Figures are from
 * `npm run bench` on Node 20 and 24.
 *
 * - Inlining: a point passes about twenty small functions. V8's default budget for inlined bytecode runs out half-way, at a
 *   different call in each run. With a larger one edgeDetect moves 25% more points.
 * - Heap growth: received buffers of up to 64 kB count as heap, so that V8 sees a heap of a few megabytes multiply and
 *   runs full collections dozens of times a second that free nothing. 300% growth before the next one, the largest factor
 *   V8 chooses by itself, doubles the points of mirror on Node 24 and gives 64 connections 20% more on Node 20.
 * - External memory: V8 collects in full after 64 MB of external allocations, at any rate of them. V8 13 (Node 24) can
 *   count them towards the heap's limit instead: 20% more points over 64 connections, and over one opened after them.
 *   Older versions reject the flag.
 */
export function tuneV8(): void {
  setFlagsFromString('--max-inlined-bytecode-size=1000');
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
  setFlagsFromString('--heap-growing-percent=300');
  if (Number.parseInt(process.versions.v8) >= 13) {
    setFlagsFromString('--external-memory-accounted-in-global-limit');
  }
}

/**
 * As `tuneV8`, where UDFs run in workers. The thread that reads for them has a heap of 10 MB, and its read buffers alone
 * reach four times that 25 times a second: mirror moves 15% more points if they may reach eleven times. Heaps of workers
 * have a limit of their own.
 */
export function tuneV8ForWorkers(): void {
  setFlagsFromString('--heap-growing-percent=1000');
}
