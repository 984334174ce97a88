/** What one connection has done so far. */
export interface AgentStats {
  pointsIn: number;
  pointsOut: number;
  batchesIn: number;
  batchesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Handler calls that failed. */
  errors: number;
  /** Groups whose state is held now. */
  groups: number;
  /** The UDF's own counters. */
  readonly counters: Readonly<Record<string, number>>;
}

export class Counters {
  pointsIn = 0;
  pointsOut = 0;
  batchesIn = 0;
  batchesOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  errors = 0;
  readonly own: Record<string, number> = {};

  count(counter: string, by: number): void {
    this.own[counter] = (this.own[counter] ?? 0) + by;
  }
}
