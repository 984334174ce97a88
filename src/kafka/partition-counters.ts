/** What happened to a partition, for metrics. */
export interface PartitionCounters {
  recordsIn: number;
  pointsIn: number;
  pointsOut: number;
  deadLetters: number;
  transactions: number;
  snapshots: number;
  /** Of the last snapshot. */
  snapshotBytes: number;
  groups: number;
  /** The offset before which everything is committed; -1 before it is known. */
  committed: number;
  /** Seconds from the assignment to the first new record, the last time. */
  restoreSeconds: number;
  /** Records that were repeated to restore the state. */
  repeatedRecords: number;
}

export function createPartitionCounters(): PartitionCounters {
  return {
    recordsIn: 0,
    pointsIn: 0,
    pointsOut: 0,
    deadLetters: 0,
    transactions: 0,
    snapshots: 0,
    snapshotBytes: 0,
    groups: 0,
    committed: -1,
    restoreSeconds: 0,
    repeatedRecords: 0,
  };
}
