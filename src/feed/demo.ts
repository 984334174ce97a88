import { adslLines } from './demo-adsl.js';
import type { DemoLine, DemoOptions } from './demo-line.js';
import { meterLines } from './demo-meters.js';

/** What there is of made-up data: an ADSL router, or the meters of a household. */
export type DemoName = 'adsl' | 'meters';

/** Made-up data without end, in time order, the same for the same options. */
export function demoLines(name: DemoName, options: DemoOptions): Generator<DemoLine> {
  return name === 'adsl' ? adslLines(options) : meterLines(options);
}
