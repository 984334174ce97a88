import type { Line } from './line.js';

/** The same line, later by so many nanoseconds. Its time must stand in its text. */
export function shifted({ text, time, from }: Line, by: bigint): Line {
  const later = time + by;
  return { text: text.replace(/-?\d+$/, String(later)), time: later, from };
}

/** How much later lines must be for the newest of them to be `now`; nothing if there are none. */
export async function shiftToNow(lines: AsyncIterable<Line>, now: bigint): Promise<bigint> {
  let newest: bigint | undefined;
  for await (const { time } of lines) if (newest === undefined || time > newest) newest = time;
  return newest === undefined ? 0n : now - newest;
}
