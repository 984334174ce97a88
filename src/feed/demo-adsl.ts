import type { DemoLine, DemoOptions } from './demo-line.js';
import { createRandom } from './random.js';

/** How long states last on average, in polls. */
const onlinePolls = 120;
const trainingPolls = 4;
/** How likely it is that the line goes again right after it came back: it flaps then. */
const flaps = 0.25;
const usualMargin = 9;
const outlier = 0.005;

/**
 * An ADSL router: its state (`adsl_connection`, field `value`), which is mostly SHOWTIME, and its noise margin in dB
 * (`noise_margin`, field `down`), which is low while it trains and now and then far off.
 */
export function* adslLines({ seed, start, interval }: DemoOptions): Generator<DemoLine> {
  const random = createRandom(seed);
  let online = true;
  let left = lasting(onlinePolls, random());
  for (let time = start; ; time += interval) {
    const state = online ? 'SHOWTIME' : 'TRAINING';
    yield { line: `adsl_connection,host=router1 value="${state}" ${time}`, time };
    const noise = (random() + random() + random() - 1.5) * 1.2;
    const odd = random() < outlier ? (random() < 0.5 ? -6 : 12) : 0;
    const margin = (online ? usualMargin : 4) + noise + odd;
    yield { line: `noise_margin,host=router1 down=${margin.toFixed(1)} ${time}`, time };
    if (--left > 0) continue;
    online = !online;
    const short = online && random() < flaps;
    left = lasting(online && !short ? onlinePolls : trainingPolls, random());
  }
}

/** A number of polls, at least one, whose average is about `mean`: what begins at random lasts so. */
function lasting(mean: number, random: number): number {
  return 1 + Math.floor(-Math.log(1 - random) * mean);
}
