import type { DemoLine, DemoOptions } from './demo-line.js';
import { createRandom } from './random.js';

const day = 86_400_000_000_000n;

/**
 * The meters of a household: electricity with its power in W, which follows the time of day, and the energy so far in
 * Wh; gas and water by what has gone through them, in litres.
 */
export function* meterLines({ seed, start, interval }: DemoOptions): Generator<DemoLine> {
  const random = createRandom(seed);
  const hours = Number(interval) / 3.6e12;
  let energy = 12_345_000 + Math.floor(random() * 1e6);
  let gas = 2_000_000 + Math.floor(random() * 1e6);
  let water = 400_000 + Math.floor(random() * 1e5);
  for (let time = start; ; time += interval) {
    const hour = Number(((time % day) + day) % day) / 3.6e12;
    const awake = hour > 6 && hour < 23 ? 1 : 0.2;
    const cooking = (hour > 11.5 && hour < 13) || (hour > 17.5 && hour < 20) ? 1800 * random() : 0;
    const power = 150 + 250 * awake * random() + cooking;
    energy += power * hours;
    gas += 900 * hours * awake * random();
    if (random() < 0.15 * awake) water += Math.floor(random() * 30);
    yield {
      line: `electricity,meter=main power=${power.toFixed(1)},energy=${Math.floor(energy)}i ${time}`,
      time,
    };
    yield { line: `gas,meter=main volume=${Math.floor(gas)}i ${time}`, time };
    yield { line: `water,meter=main volume=${Math.floor(water)}i ${time}`, time };
  }
}
