import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests run the sources; `kapacitor-udf` is what a user's UDF imports.
    alias: [
      { find: /^kapacitor-udf\/testkit$/, replacement: at('src/testkit/index.ts') },
      { find: /^kapacitor-udf\/udfs$/, replacement: at('udfs/index.ts') },
      { find: /^kapacitor-udf$/, replacement: at('src/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts', 'udfs/**/*.test.ts'],
    // Minutes long: `npm run test:faults`.
    exclude: ['test/faults/**'],
    sequence: { shuffle: true },
    pool: 'forks',
    testTimeout: 20_000,
  },
});
