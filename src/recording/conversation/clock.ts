/** What the clock of the process must be moved by to tell the time since the epoch. */
const offset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** The time in nanoseconds since the epoch. It never goes backwards, also where the system's clock is set. */
export function nowNs(): bigint {
  return process.hrtime.bigint() + offset;
}
