/** Which node of which task uses a UDF. */
export interface TaskUse {
  readonly task: string;
  readonly node: string;
}

/** One use of a UDF: a node of a task. */
export interface UseId extends TaskUse {
  readonly udf: string;
}

/**
 * Statistics of one connection since its start. Plain data, which `postMessage` can transfer.
 *
 * Counters never decrease; `groups`, the queued bytes and `lastSnapshot` describe the current state.
 */
export interface AgentStats {
  readonly pointsIn: number;
  readonly pointsOut: number;
  /** Points that a handler failed on and that the error policy `drop` dropped; of a batch, all of its points. */
  readonly pointsDropped: number;
  readonly batchesIn: number;
  readonly batchesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Handler calls that failed. */
  readonly errors: number;
  /** Errors that ended a connection, by error code. */
  readonly failures: Readonly<Record<string, number>>;
  /** Groups that have state now. */
  readonly groups: number;
  /** Groups whose state was removed after `groupTtl`, or because of `maxGroups`. */
  readonly groupsExpired: number;
  /** Bytes that have been read but not handled yet. */
  readonly inputQueuedBytes: number;
  /** Bytes of output that are not sent yet. */
  readonly outputQueuedBytes: number;
  readonly handlerTime: HandlerTime;
  /** Snapshots that Kapacitor has requested and got. */
  readonly snapshots: number;
  readonly lastSnapshot: SnapshotStats | undefined;
  /** Restarts of an isolated UDF's worker, by cause. */
  readonly restarts: Readonly<Record<string, number>>;
  /** The UDF's own counters. A late point counts as `late`. */
  readonly counters: Readonly<Record<string, number>>;
}

/** The last snapshot that Kapacitor got. */
export interface SnapshotStats {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly bytes: number;
  /** Seconds from the request to the end of encoding. */
  readonly seconds: number;
}

/**
 * How long input was being handled: synchronously, from a read to the end of its last handler, or by one async call
 * until its promise settled. Includes parsing and writing.
 */
export interface HandlerTime {
  /** Total seconds. */
  readonly seconds: number;
  /** Number of durations up to each of `handlerTimeBounds` and above the one before, then of those above the last. */
  readonly counts: readonly number[];
}

/** Upper bounds in seconds. One synchronous duration covers at most 64 KiB of input. */
export const handlerTimeBounds: readonly number[] = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30];

/** Statistics of a UDF since the start, over all its connections. */
export interface UdfStats {
  readonly udf: string;
  /** Open connections. */
  readonly connections: number;
  readonly stats: AgentStats;
}

/**
 * Statistics of one use of a UDF since the start, over all its connections: usually one at a time, and one more each time
 * that the task is enabled.
 *
 * `task` and `node` are empty where there is no use: connections that have not got init (of `kapacitor-udf check`, say),
 * and those ended uses that are too many to be listed one by one. So the uses of a UDF always add up to its `UdfStats`.
 */
export interface UseStats extends UdfStats, TaskUse {}

/** Counters of dead letters since the start, and the current size of their files. */
export interface DeadLetterStats {
  /** Points that are in files, or were in those that have been removed. */
  readonly written: number;
  /** Bytes of those points and their comments. */
  readonly writtenBytes: number;
  /** Points that were not written: more came than could be written, or the directory stayed unusable. */
  readonly lost: number;
  /** Failed writes; each is tried again. */
  readonly writeErrors: number;
  /** Files that were removed to keep the limit. */
  readonly removedFiles: number;
  /** Bytes of all files. */
  readonly bytes: number;
}

/** Counters of the saves to a state directory since the start. */
export interface StateSaveStats {
  readonly saves: number;
  readonly savedBytes: number;
  /** Failed saves; each is tried again. */
  readonly errors: number;
  /** When a state was saved last, in milliseconds since the epoch. */
  readonly lastSave: number | undefined;
}

/** Statistics of a host since its start. */
export interface HostStats {
  /** Connections since the start. */
  readonly accepted: number;
  /** Connections beyond `maxConnections`. */
  readonly refused: number;
  /** What happened to the host and has a line of the log, by kind: `task_revived`, say. */
  readonly events: Readonly<Record<string, number>>;
  readonly udfs: readonly UdfStats[];
  /** The uses of each UDF: the open ones, and the last 1,000 that have ended. */
  readonly uses: readonly UseStats[];
  /** `undefined` if no dead letters are kept, or not in files. */
  readonly deadLetters?: DeadLetterStats | undefined;
  /** `undefined` without a state directory. */
  readonly stateSaves?: StateSaveStats | undefined;
}

/** Statistics of a connection that has just opened. */
export const noStats: AgentStats = {
  pointsIn: 0,
  pointsOut: 0,
  pointsDropped: 0,
  batchesIn: 0,
  batchesOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  errors: 0,
  failures: {},
  groups: 0,
  groupsExpired: 0,
  inputQueuedBytes: 0,
  outputQueuedBytes: 0,
  handlerTime: { seconds: 0, counts: new Array<number>(handlerTimeBounds.length + 1).fill(0) },
  snapshots: 0,
  lastSnapshot: undefined,
  restarts: {},
  counters: {},
};

/**
 * The sum of two connections' statistics. Of their last snapshots, the bytes are added; the time is the older one's, and
 * the seconds are the longer one's.
 */
export function sumOfStats(one: AgentStats, other: AgentStats): AgentStats {
  return {
    pointsIn: one.pointsIn + other.pointsIn,
    pointsOut: one.pointsOut + other.pointsOut,
    pointsDropped: one.pointsDropped + other.pointsDropped,
    batchesIn: one.batchesIn + other.batchesIn,
    batchesOut: one.batchesOut + other.batchesOut,
    bytesIn: one.bytesIn + other.bytesIn,
    bytesOut: one.bytesOut + other.bytesOut,
    errors: one.errors + other.errors,
    failures: combined(one.failures, other.failures, add),
    groups: one.groups + other.groups,
    groupsExpired: one.groupsExpired + other.groupsExpired,
    inputQueuedBytes: one.inputQueuedBytes + other.inputQueuedBytes,
    outputQueuedBytes: one.outputQueuedBytes + other.outputQueuedBytes,
    handlerTime: {
      seconds: one.handlerTime.seconds + other.handlerTime.seconds,
      counts: one.handlerTime.counts.map((count, index) => count + (other.handlerTime.counts[index] ?? 0)),
    },
    snapshots: one.snapshots + other.snapshots,
    lastSnapshot: sumOfSnapshots(one.lastSnapshot, other.lastSnapshot),
    restarts: combined(one.restarts, other.restarts, add),
    counters: combined(one.counters, other.counters, add),
  };
}

/** What remains of a connection's statistics when it has ended: its state and queues are gone. */
export function endedStats(stats: AgentStats): AgentStats {
  return { ...stats, groups: 0, inputQueuedBytes: 0, outputQueuedBytes: 0, lastSnapshot: undefined };
}

/**
 * Statistics whose counters are at least as high as earlier ones. A worker that replaces another repeats input, and counts it
 * again from its last snapshot on; metrics take a counter that decreases for one that starts anew.
 */
export function notBelow(stats: AgentStats, earlier: AgentStats): AgentStats {
  const { handlerTime } = stats;
  return {
    ...stats,
    pointsIn: Math.max(stats.pointsIn, earlier.pointsIn),
    pointsOut: Math.max(stats.pointsOut, earlier.pointsOut),
    pointsDropped: Math.max(stats.pointsDropped, earlier.pointsDropped),
    batchesIn: Math.max(stats.batchesIn, earlier.batchesIn),
    batchesOut: Math.max(stats.batchesOut, earlier.batchesOut),
    bytesIn: Math.max(stats.bytesIn, earlier.bytesIn),
    bytesOut: Math.max(stats.bytesOut, earlier.bytesOut),
    errors: Math.max(stats.errors, earlier.errors),
    groupsExpired: Math.max(stats.groupsExpired, earlier.groupsExpired),
    handlerTime: {
      seconds: Math.max(handlerTime.seconds, earlier.handlerTime.seconds),
      counts: handlerTime.counts.map((count, index) =>
        Math.max(count, earlier.handlerTime.counts[index] ?? 0),
      ),
    },
    snapshots: Math.max(stats.snapshots, earlier.snapshots),
    restarts: combined(stats.restarts, earlier.restarts, Math.max),
    counters: combined(stats.counters, earlier.counters, Math.max),
  };
}

type Counts = Readonly<Record<string, number>>;

function combined(one: Counts, other: Counts, combine: (one: number, other: number) => number): Counts {
  const all = Object.assign(Object.create(null) as Record<string, number>, one);
  for (const [name, count] of Object.entries(other)) all[name] = combine(all[name] ?? 0, count);
  return all;
}

function add(one: number, other: number): number {
  return one + other;
}

function sumOfSnapshots(
  one: SnapshotStats | undefined,
  other: SnapshotStats | undefined,
): SnapshotStats | undefined {
  if (!one || !other) return one ?? other;
  return {
    time: Math.min(one.time, other.time),
    bytes: one.bytes + other.bytes,
    seconds: Math.max(one.seconds, other.seconds),
  };
}
