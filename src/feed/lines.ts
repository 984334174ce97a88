import { Pace } from '../recording/pace.js';

/** A line of line protocol; its text ends with its time. */
export interface Line {
  readonly text: string;
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  /** Its origin, for messages: `data.lp, line 12`. */
  readonly from: string;
}

/** A line of line protocol and its time in nanoseconds. */
export interface GeneratedPoint {
  readonly line: string;
  readonly time: bigint;
}

/** Yields lines at the pace of their times, `speed` times as fast. An abort ends them unless `speed` is `Infinity`. */
export async function* paceLines(
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

/** Moves a line by an offset in nanoseconds. */
export function shiftLine({ text, time, from }: Line, offset: bigint): Line {
  const shifted = time + offset;
  return { text: text.replace(/-?\d+$/, String(shifted)), time: shifted, from };
}

/** The newest time of the lines; `undefined` if there are none. */
export async function newestTime(lines: AsyncIterable<Line>): Promise<bigint | undefined> {
  let newest: bigint | undefined;
  for await (const { time } of lines) if (newest === undefined || time > newest) newest = time;
  return newest;
}
