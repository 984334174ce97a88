import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

export interface UntilOptions {
  /** Milliseconds until it gives up: 10 seconds if not given. */
  readonly within?: number;
  /** Milliseconds between two looks: 20 if not given. */
  readonly every?: number;
}

/**
 * Looks again and again until `look` returns something other than `undefined` and `false`, and returns that. What it
 * throws counts as "not yet". Rejects once the time is over, naming `what` and the last thing that was thrown.
 */
export async function until<Found>(
  what: string,
  look: () => Found | undefined | false | Promise<Found | undefined | false>,
  { within = 10_000, every = 20 }: UntilOptions = {},
): Promise<Found> {
  const end = performance.now() + within;
  for (;;) {
    let last: unknown;
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (reason) {
      last = reason;
    }
    if (performance.now() >= end) {
      throw new Error(`not within ${within} ms: ${what}`, last === undefined ? undefined : { cause: last });
    }
    await sleep(every);
  }
}

/** As `expect.poll`, with enough time for a machine that has much to do. */
export function eventually<Found>(look: () => Found | Promise<Found>): ReturnType<typeof expect.poll<Found>> {
  return expect.poll(look, { timeout: 10_000, interval: 25 });
}
