import { defineConfig } from 'vitest/config';

/** The check of the built site, which `npm run docs:check` runs after it has built it. */
export default defineConfig({
  test: { include: ['test/site/**/*.test.ts'], testTimeout: 120_000 },
});
