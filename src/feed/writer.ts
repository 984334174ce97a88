import { type InfluxTarget, isBucket } from '../influx/target.js';
import { abortLater } from '../http/request-deadline.js';
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

/** Max time that a request may take from the stop of a feed on: half of what containers get to stop. */
const drainTimeoutMs = 5_000;

/** Creates the writer for a target, without connecting. Its requests end within `drainMs`, 5000 by default, of the signal. */
export function createWriter(
  target: FeedTarget,
  stop: AbortSignal,
  drainMs: number = drainTimeoutMs,
): LineWriter {
  const signal = abortLater(stop, drainMs);
  if (!('store' in target)) return createKairosWriter(target, { signal });
  const influx = createInfluxWriter(target, { signal });
  return {
    async write(lines) {
      await influx.write(lines); // all of them or none
      return [];
    },
  };
}

/** Names a target without credentials: equal for equal ones only. */
export function targetName(target: FeedTarget): string {
  if (!('store' in target)) return `kairosdb+${target.url}`;
  const { url, store } = target;
  const parameters = isBucket(store)
    ? { org: store.org, bucket: store.bucket }
    : { db: store.database, ...(store.retentionPolicy !== '' && { rp: store.retentionPolicy }) };
  return `${url}?${new URLSearchParams(parameters).toString()}`;
}

/** Whether the target stores unsigned integers. */
export function acceptsUnsigned(target: FeedTarget): boolean {
  return 'store' in target && isBucket(target.store);
}

/** The finest time that the target stores, in nanoseconds. */
export function timeUnitOf(target: FeedTarget): bigint {
  return 'store' in target ? 1n : 1_000_000n;
}
