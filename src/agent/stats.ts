import { UdfError } from '../model/errors.js';

/** What one connection has done so far. */
export interface AgentStats {
  readonly pointsIn: number;
  readonly pointsOut: number;
  readonly batchesIn: number;
  readonly batchesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Handler calls that failed. */
  readonly errors: number;
  /** Groups whose state is held now. */
  readonly groups: number;
  /** The UDF's own counters. */
  readonly counters: Readonly<Record<string, number>>;
}

/**
 * Counts while a connection lasts. V8 keeps whole numbers below 2^31 in another way than larger ones, and when a field
 * passes that, it throws away all code that it had compiled for such objects: in the midst of work, two gigabytes in. So
 * the fields hold something else first, which makes them doubles for good.
 */
export class Counters {
  pointsIn = NaN;
  pointsOut = NaN;
  batchesIn = NaN;
  batchesOut = NaN;
  bytesIn = NaN;
  bytesOut = NaN;
  errors = 0;
  /** The UDF's; without a prototype, so that any name is one. */
  readonly own = Object.create(null) as Record<string, number>;

  constructor() {
    this.pointsIn = this.pointsOut = 0;
    this.batchesIn = this.batchesOut = 0;
    this.bytesIn = this.bytesOut = 0;
  }

  /** Throws `invalid_argument` for what is not a whole number, which no telemetry could write. */
  count(counter: string, by: number): void {
    if (!Number.isSafeInteger(by)) {
      throw new UdfError('invalid_argument', `count("${counter}") takes a whole number, got ${String(by)}`);
    }
    this.own[counter] = (this.own[counter] ?? 0) + by;
  }
}

/** Nothing done yet. */
export const noStats: AgentStats = {
  pointsIn: 0,
  pointsOut: 0,
  batchesIn: 0,
  batchesOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  errors: 0,
  groups: 0,
  counters: {},
};

/** What two connections have done together. */
export function sumOfStats(one: AgentStats, other: AgentStats): AgentStats {
  const counters = Object.assign(Object.create(null) as Record<string, number>, one.counters);
  for (const [name, count] of Object.entries(other.counters)) counters[name] = (counters[name] ?? 0) + count;
  return {
    pointsIn: one.pointsIn + other.pointsIn,
    pointsOut: one.pointsOut + other.pointsOut,
    batchesIn: one.batchesIn + other.batchesIn,
    batchesOut: one.batchesOut + other.batchesOut,
    bytesIn: one.bytesIn + other.bytesIn,
    bytesOut: one.bytesOut + other.bytesOut,
    errors: one.errors + other.errors,
    groups: one.groups + other.groups,
    counters,
  };
}
