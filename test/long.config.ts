import { defineConfig } from 'vitest/config';
import base from '../vitest.config.js';

/** The tests that `npm test` leaves out. */
export default defineConfig({
  ...base,
  test: { ...base.test, testTimeout: 60_000, include: ['test/**/*.long.test.ts'], exclude: [] },
});
