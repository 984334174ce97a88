/**
 * What `fill` collects, in one piece. If it fails, what it had collected comes first and its error then: what stands before
 * a mistake is not lost.
 */
export function* portion<Item>(fill: (items: Item[]) => void): Generator<readonly Item[]> {
  const items: Item[] = [];
  let failed: { readonly reason: unknown } | undefined;
  try {
    fill(items);
  } catch (reason) {
    failed = { reason };
  }
  yield items;
  if (failed) throw failed.reason;
}
