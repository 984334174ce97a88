import { adslLines } from './demo-adsl.js';
import { meterLines } from './demo-meters.js';

/** What there is of made-up data: an ADSL router, or the meters of a household. */
export type DemoName = 'adsl' | 'meters';

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

/** Made-up data without end, in time order, the same for the same options. */
export function demoLines(name: DemoName, options: DemoOptions): Generator<DemoLine> {
  return name === 'adsl' ? adslLines(options) : meterLines(options);
}
