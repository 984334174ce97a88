import { Pace } from '../recording/pace.js';

/** A line of line protocol on its way, which ends with its time. */
export interface Line {
  readonly text: string;
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  /** Where it was read, for messages: `data.lp, line 12`. */
  readonly from: string;
}

/** The lines held to their own times: `speed` seconds of them take one. Ends when the signal aborts, unless `speed` is Infinity. */
export async function* pacedLines(
  lines: AsyncIterable<Line>,
  speed: number,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  const pace = new Pace(speed);
  for await (const line of lines) {
    await pace.until(line.time, signal);
    if (signal.aborted && speed !== Infinity) return;
    yield line;
  }
}

/** The line, later by so many nanoseconds. */
export function shiftLine({ text, time, from }: Line, by: bigint): Line {
  const shifted = time + by;
  return { text: text.replace(/-?\d+$/, String(shifted)), time: shifted, from };
}

/** The newest time of the lines; `undefined` if there are none. */
export async function newestTime(lines: AsyncIterable<Line>): Promise<bigint | undefined> {
  let newest: bigint | undefined;
  for await (const { time } of lines) if (newest === undefined || time > newest) newest = time;
  return newest;
}
