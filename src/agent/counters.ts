import { UdfError } from '../model/errors.js';
import { type AgentStats, handlerTimeBounds, type SnapshotStats } from '../model/statistics.js';

/** Max counters of a UDF; what it counts under further names is added to `other`. */
const maxCustomCounters = 256;

/** The statistics that are counted here. */
type CountedStats = Omit<
  AgentStats,
  'failures' | 'groups' | 'groupsExpired' | 'inputQueuedBytes' | 'outputQueuedBytes' | 'restarts'
>;

/**
 * The counters of one connection.
 *
 * V8 stores small integers differently from larger numbers. When a field outgrows them (at 2^31, two gigabytes in), V8
 * discards the optimized code that uses these objects. Initializing the fields with NaN makes them doubles from the start.
 */
export class Counters {
  pointsIn = NaN;
  pointsOut = NaN;
  batchesIn = NaN;
  batchesOut = NaN;
  bytesIn = NaN;
  bytesOut = NaN;
  pointsDropped = 0;
  errors = 0;
  snapshots = 0;
  lastSnapshot: SnapshotStats | undefined = undefined;
  readonly handlerTime = { seconds: NaN, counts: new Array<number>(handlerTimeBounds.length + 1).fill(0) };
  /** The UDF's counters by name; no prototype, so that names such as `constructor` work. */
  readonly counters = Object.create(null) as Record<string, number>;
  #customCounters = 0;

  constructor() {
    this.pointsIn = this.pointsOut = 0;
    this.batchesIn = this.batchesOut = 0;
    this.bytesIn = this.bytesOut = 0;
    this.handlerTime.seconds = 0;
  }

  /** Adds to a counter of the UDF. Throws `invalid_argument` unless `by` is a whole number, as telemetry requires. */
  count(counter: string, by: number): void {
    if (!Number.isSafeInteger(by)) {
      throw new UdfError('invalid_argument', `count("${counter}") takes a whole number, got ${String(by)}`);
    }
    const count = this.counters[counter];
    if (count !== undefined) this.counters[counter] = count + by;
    else if (this.#customCounters++ < maxCustomCounters) this.counters[counter] = by;
    else this.counters.other = (this.counters.other ?? 0) + by;
  }

  /** Records how long input was handled that came, or was passed to an async handler, at `start` (`performance.now()`). */
  handledSince(start: number): void {
    const seconds = (performance.now() - start) / 1000;
    this.handlerTime.seconds += seconds;
    const { counts } = this.handlerTime;
    let bucket = 0;
    while (bucket < handlerTimeBounds.length && seconds > handlerTimeBounds[bucket]!) bucket++;
    counts[bucket]!++;
  }

  /** Records a snapshot that was requested at `start` (`performance.now()`) and is now complete. */
  snapshotSince(start: number, bytes: number): void {
    this.snapshots++;
    this.lastSnapshot = { time: Date.now(), bytes, seconds: (performance.now() - start) / 1000 };
  }

  /** Records how long `result` takes from now on until it settles. Settles as it does. */
  async timed(result: Promise<void>): Promise<void> {
    const start = performance.now();
    try {
      await result;
    } finally {
      this.handledSince(start);
    }
  }

  copy(): CountedStats {
    const { handlerTime, counters, ...counted } = this;
    return {
      ...counted,
      handlerTime: { seconds: handlerTime.seconds, counts: [...handlerTime.counts] },
      counters: Object.assign(Object.create(null) as Record<string, number>, counters),
    };
  }
}
