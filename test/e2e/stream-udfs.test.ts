import { describe, expect, it } from 'vitest';
import { adslChanges, adslLines } from './support/adsl.js';
import { needs } from './support/servers.js';
import { useStack } from './support/stack.js';
import { startTask } from './support/test-task.js';

const { missing, title } = needs('A stream UDF in a task of a real Kapacitor', ['KAPACITORD']);

/** Makes a task's last points of each group visible over HTTP, all of them in order. */
const show = (endpoint: string): string => `|window().periodCount(100).everyCount(1)|httpOut('${endpoint}')`;

describe.skipIf(missing)(title, () => {
  const stack = useStack();

  it('edgeDetect reduces the seventeen ADSL records to the six changes', async () => {
    const task = await startTask(stack.kapacitor, {
      script: `stream|from().measurement('adsl_connection').groupBy('host')@edgeDetect().field('value')${show('out')}`,
    });
    await task.write(adslLines);
    await expect.poll(() => task.rows('out')).toEqual(adslChanges);
  });
});
