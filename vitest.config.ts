import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Tests that start many processes, browsers or projects, minutes in all: `npm run test:long`. */
const long = 'test/**/*.long.test.ts';

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
    sequence: { shuffle: true },
    pool: 'forks',
    // Many tests wait for processes: by default, vitest starts one worker on two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 20_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    // Other work on a machine of CI can delay any process beyond a time limit; locally every failure is to be seen.
    retry: process.env.CI === undefined ? 0 : 1,
    include: ['test/**/*.test.ts', 'udfs/**/*.test.ts'],
    // The fault suite takes minutes: `npm run test:faults`. The site must be built first: `npm run docs:check`.
    exclude: [long, 'test/faults/**', 'test/site/**'],
    isolate: false, // tests leave nothing behind; a process for each file would take a third of the time
    setupFiles: ['test/support/load-udfs.ts'],
  },
});
