/** How often a property is tried: `FC_RUNS=100 npx vitest run …` tries each a hundred times as often. */
export function runs(count: number): { numRuns: number } {
  return { numRuns: Math.ceil(count * Number(process.env.FC_RUNS ?? 1)) };
}

/** For a test of properties: its time grows with `FC_RUNS`. */
export const propertyTimeout = 20_000 * Math.max(1, Number(process.env.FC_RUNS ?? 1));
