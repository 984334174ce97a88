// A rate with a unit: how fast a counter grows, per second or per any other duration. A point that has no predecessor gives
// none, nor does the first one after the counter was set back.
//
//   @rate().field('bytes').as('bytes_per_minute').unit(1m)
import { defineUdf, option } from 'kapacitor-udf';

interface Reading {
  readonly time: bigint;
  readonly value: number;
}

export default defineUdf({
  name: 'rate',
  doc: 'Emits how fast a counter grows.',
  wants: 'stream',
  provides: 'stream',
  options: {
    field: option.field({ required: true, doc: 'Field with the counter.' }),
    as: option.field({ default: 'rate', doc: 'Field for the rate.' }),
    unit: option.duration({ default: '1s', min: '1ns', doc: 'The rate is per this duration.' }),
  },
  state: () => ({ last: null as Reading | null }),
  point(point, { options, state }) {
    const { time } = point;
    const value = point.number(options.field);
    const { last } = state;
    if (value === undefined || (last && time <= last.time)) return;
    state.last = { time, value };
    if (!last || value < last.value) return;
    const units = Number(time - last.time) / Number(options.unit);
    return point.replaceFields({ [options.as]: (value - last.value) / units });
  },
});
