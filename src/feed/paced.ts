import { Pace } from '../recording/pace.js';
import type { Line } from './line.js';

/** The same lines, held to their own times: `speed` seconds of them take one. */
export async function* paced(
  lines: AsyncIterable<Line>,
  speed: number,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  const pace = new Pace(speed);
  for await (const line of lines) {
    await pace.until(line.time, signal);
    yield line;
  }
}
