/** A line of line protocol on its way: with its time, in nanoseconds, and where it came from. */
export interface Line {
  readonly text: string;
  readonly time: bigint;
  /** For messages: `data.lp, line 12`. */
  readonly from: string;
}
