export interface DemoOptions {
  /** Another number, other data. */
  readonly seed: number;
  /** When it begins, and how often there are points, in nanoseconds. */
  readonly start: bigint;
  readonly interval: bigint;
}

/** A line of line protocol and its time. */
export interface DemoLine {
  readonly line: string;
  readonly time: bigint;
}
