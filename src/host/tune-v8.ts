import { setFlagsFromString } from 'node:v8';

/**
 * Suits V8 to what this process does. To be called before anything is hot. Measured by `npm run bench` on Node 20 and 24.
 *
 * - A point passes some twenty small functions. V8 puts them into one as long as that stays small; by its own measure it
 *   gives up half-way, at another place in each run. With more room, edgeDetect moves a quarter more points.
 * - What comes in lies in buffers of up to 64 kB, which V8 counts as its heap's, and a heap of a few megabytes with tens
 *   of them seems to V8 to have multiplied: it collects everything dozens of times a second, with helper threads, to find
 *   nothing. Told to wait until the heap has grown to four times what was left of it, the most that V8 would choose by
 *   itself, mirror moves twice as many points on Node 24, and 64 connections a fifth more on Node 20.
 * - Outside the heap V8 lets 64 MB come and go before it collects everything, however fast they do. V8 13, which is in
 *   Node 24, can be told to treat that memory as it does the heap: 64 connections move a fifth more points then, and so
 *   does one that comes after them. Older versions would complain of the option.
 */
export function tuneV8(): void {
  setFlagsFromString('--max-inlined-bytecode-size=1000');
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
  setFlagsFromString('--heap-growing-percent=300');
  if (Number.parseInt(process.versions.v8) >= 13) {
    setFlagsFromString('--external-memory-accounted-in-global-limit');
  }
}
