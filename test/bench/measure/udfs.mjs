/**
 * The UDFs that are measured: the options each is used with, and what it sends back (see `Work` in load/jobs.mjs).
 *
 * @type {Record<string, { options: (shape: import('../corpus/shape.mjs').Shape) => Record<string, string | number | string[]>,
 *   back: 'all' | 'changes' | 'batches' | undefined }>}
 */
export const udfs = {
  mirror: { options: () => ({}), back: 'all' },
  edgeDetect: { options: ({ watch }) => ({ field: watch }), back: 'changes' },
  movingAverage: {
    options: ({ watch }) => ({ field: watch === 'count' ? 'count' : 'value', size: 10 }),
    back: 'all',
  },
  calendarTotals: {
    options: ({ watch }) => ({ by: 'day', sum: [watch === 'count' ? 'count' : 'value', 'sum'] }),
    back: undefined, // for micro.mjs only
  },
  mirrorBatch: { options: () => ({}), back: 'all' },
  outliers: { options: () => ({ field: 'value' }), back: 'batches' },
};
