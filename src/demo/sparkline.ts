const bars = '▁▂▃▄▅▆▇█';

/** Numbers as a line of bars, the least as the lowest and the greatest as the highest; equal ones are low. */
export function sparkline(values: readonly number[], range = rangeOf(values)): string {
  const { least, greatest } = range;
  const step = greatest > least ? (bars.length - 1) / (greatest - least) : 0;
  return values.map((value) => bars[Math.round((value - least) * step)]).join('');
}

/** The least and the greatest of some numbers, to draw several lines on one scale. */
export function rangeOf(values: readonly number[]): { least: number; greatest: number } {
  return { least: Math.min(...values), greatest: Math.max(...values) };
}
