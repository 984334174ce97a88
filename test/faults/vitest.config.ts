import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.js';

/** With `FAULTS=long`, the tests that repeat faults at random do so for an hour in all. */
const isLong = process.env.FAULTS === 'long';

export default defineConfig({
  ...base,
  test: {
    sequence: { shuffle: true },
    pool: 'forks',
    include: ['test/faults/**/*.test.ts'],
    exclude: [],
    retry: base.test?.retry ?? 0,
    testTimeout: isLong ? 3_600_000 : 60_000,
    fileParallelism: false, // memory and times are measured
  },
});
