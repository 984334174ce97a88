import type { TaskVar } from '../../src/kapacitor/types.js';

/** Variables by the type of their value: `taskVar.duration('10m')`. */
export const taskVar = {
  float: (value: number): TaskVar => ({ type: 'float', value }),
  duration: (value: string): TaskVar => ({ type: 'duration', value }),
};
