import { readFileSync } from 'node:fs';
import type { TestPoint } from './udf-messages.js';

const lines = readFileSync(new URL('../../udfs/edge-detect/recordings/adsl.lp', import.meta.url), 'utf8');

/** The seventeen records of the ADSL router, ungrouped. */
export const adslPoints: readonly TestPoint[] = Array.from(
  lines.matchAll(/^adsl_connection,host=router1 value="(\w+)" (\d+)$/gm),
  ([, value, time]) => ({
    time: BigInt(time!),
    name: 'adsl_connection',
    tags: { host: 'router1' },
    fields: { value: value! },
  }),
);

/** The six of them that are changes: time and new value. */
export const adslChanges: readonly (readonly [bigint, string])[] = [
  [1514979051065000000n, 'SHOWTIME'],
  [1514979141070000000n, 'TRAINING'],
  [1514979231065000000n, 'SHOWTIME'],
  [1514979681040000000n, 'TRAINING'],
  [1514980041020000000n, 'SHOWTIME'],
  [1514980221010000000n, 'TRAINING'],
];
