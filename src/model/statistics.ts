/** Figures of one connection since its start. */
export interface AgentStats {
  readonly pointsIn: number;
  readonly pointsOut: number;
  readonly batchesIn: number;
  readonly batchesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Handler calls that failed. */
  readonly errors: number;
  /** Groups that have state now. */
  readonly groups: number;
  /** The UDF's own counters. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Figures of a UDF since the start, over all its connections. */
export interface UdfStats {
  readonly udf: string;
  /** Open connections. */
  readonly connections: number;
  readonly stats: AgentStats;
}

/** Figures of a connection that has just opened. */
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

/** The sum of two connections' figures. */
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
