/** The number of runs of a property; `FC_RUNS=100 npx vitest run …` multiplies it by a hundred. */
export function runs(count: number): { numRuns: number } {
  return { numRuns: Math.ceil(count * Number(process.env.FC_RUNS ?? 1)) };
}

/** The timeout of a property's test in milliseconds, which grows with `FC_RUNS`. */
export const propertyTimeout = 20_000 * Math.max(1, Number(process.env.FC_RUNS ?? 1));
