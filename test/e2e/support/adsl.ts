import { readFileSync } from 'node:fs';

const file = new URL('../../../udfs/edge-detect/recordings/adsl.lp', import.meta.url);

/** The seventeen records of the router, as line protocol. */
export const adslLines: readonly string[] = readFileSync(file, 'utf8').trimEnd().split('\n');

/** The six of them that are changes, as a query or an `httpOut` node shows them. */
export const adslChanges = [
  { time: '2018-01-03T11:30:51.065Z', host: 'router1', value: 'SHOWTIME' },
  { time: '2018-01-03T11:32:21.07Z', host: 'router1', value: 'TRAINING' },
  { time: '2018-01-03T11:33:51.065Z', host: 'router1', value: 'SHOWTIME' },
  { time: '2018-01-03T11:41:21.04Z', host: 'router1', value: 'TRAINING' },
  { time: '2018-01-03T11:47:21.02Z', host: 'router1', value: 'SHOWTIME' },
  { time: '2018-01-03T11:50:21.01Z', host: 'router1', value: 'TRAINING' },
];
