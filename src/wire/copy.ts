/** Copies `from[start..end)` to `at` and returns where it ends there. */
export function copy(to: Buffer, at: number, from: Buffer, start: number, end: number): number {
  // A call of `copy` costs as much as moving about 40 bytes one by one.
  if (end - start > 40) return at + from.copy(to, at, start, end);
  for (let index = start; index < end; index++) to[at++] = from[index]!;
  return at;
}
