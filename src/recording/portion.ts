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

/** What splits a source's chunks. */
interface Splitter {
  add(chunk: Buffer): void;
  /** No more comes. */
  finish(): void;
}

/** What `fill` collects of each chunk that is split, and of what is left at the end. */
export async function* portions<Item>(
  chunks: AsyncIterable<Buffer>,
  splitter: Splitter,
  fill: (items: Item[]) => void,
): AsyncGenerator<readonly Item[]> {
  for await (const chunk of chunks) {
    splitter.add(chunk);
    yield* portion(fill);
  }
  splitter.finish();
  yield* portion(fill);
}
