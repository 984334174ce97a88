import type { AgentStats, HostStats, UseStats } from '../../model/statistics.js';
import type { Readiness } from '../host-options.js';

/** What the page shows of one use, from the counters that the metrics are made from. */
export interface UseFigures extends Pick<UseStats, 'udf' | 'task' | 'node' | 'connections'> {
  readonly pointsIn: number;
  readonly pointsOut: number;
  readonly batchesIn: number;
  readonly batchesOut: number;
  readonly pointsDropped: number;
  /** Handler calls that failed, and connections that ended by an error. */
  readonly errors: number;
  readonly groups: number;
  /** Of an isolated UDF's worker. */
  readonly restarts: number;
  /** Bytes that wait for the UDF, and those that wait for Kapacitor. */
  readonly queuedIn: number;
  readonly queuedOut: number;
}

/** What the page shows of a host. */
export interface HostFigures {
  /** Unix milliseconds, to tell rates by. */
  readonly time: number;
  readonly readiness: Readiness;
  readonly accepted: number;
  readonly refused: number;
  /** The UDFs that are served. */
  readonly udfs: readonly string[];
  /** The uses that have been seen, open ones first. */
  readonly uses: readonly UseFigures[];
  /** Number of ended uses left out. */
  readonly omitted: number;
  /** Whether points are shown. */
  readonly points: boolean;
}

/** A browser shows so many rows every second without effort. */
const maxUses = 200;

/** The figures of a host for the page. */
export function figuresOf(stats: HostStats, readiness: Readiness, points: boolean): HostFigures {
  const uses = stats.uses
    .filter(({ task, node }) => task !== '' || node !== '')
    .sort((one, other) => Number(other.connections > 0) - Number(one.connections > 0));
  return {
    time: Date.now(),
    readiness,
    points,
    accepted: stats.accepted,
    refused: stats.refused,
    udfs: stats.udfs.map(({ udf }) => udf),
    uses: uses.slice(0, maxUses).map(useFigures),
    omitted: Math.max(0, uses.length - maxUses),
  };
}

function useFigures({ udf, task, node, connections, stats }: UseStats): UseFigures {
  const { pointsIn, pointsOut, batchesIn, batchesOut, pointsDropped, groups }: AgentStats = stats;
  return {
    udf,
    task,
    node,
    connections,
    pointsIn,
    pointsOut,
    batchesIn,
    batchesOut,
    pointsDropped,
    groups,
    errors: stats.errors + total(stats.failures),
    restarts: total(stats.restarts),
    queuedIn: stats.inputQueuedBytes,
    queuedOut: stats.outputQueuedBytes,
  };
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
