import { type InfluxTarget, isBucket } from '../influx/target.js';
import { createInfluxWriter } from '../influx/writer.js';
import type { KairosTarget } from '../kairos/target.js';
import { createKairosWriter, type RefusedLine } from '../kairos/writer.js';

/** Where a feed writes to. */
export type FeedTarget = InfluxTarget | KairosTarget;

/** Writes line protocol with times in nanoseconds. */
export interface LineWriter {
  /**
   * Writes lines, without retries. Resolves to the lines that were refused, in order; all others have arrived. Rejects with
   * `WriteError` if any line may not have arrived.
   */
  write(lines: readonly string[]): Promise<readonly RefusedLine[]>;
}

/** Creates the writer for a target, without connecting. */
export function createWriter(target: FeedTarget): LineWriter {
  if (!('store' in target)) return createKairosWriter(target);
  const influx = createInfluxWriter(target);
  return {
    async write(lines) {
      await influx.write(lines); // all of them or none
      return [];
    },
  };
}

/** Whether the target stores unsigned integers. */
export function acceptsUnsigned(target: FeedTarget): boolean {
  return 'store' in target && isBucket(target.store);
}

/** The finest time that the target stores, in nanoseconds. */
export function timeUnitOf(target: FeedTarget): bigint {
  return 'store' in target ? 1n : 1_000_000n;
}
