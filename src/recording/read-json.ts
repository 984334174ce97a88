import type { BadEntries } from './entries.js';
import { newline } from './bytes.js';
import type { RecordedItem } from './format.js';
import { LineSplitter } from './line-splitter.js';
import { portion } from './entries.js';
import type { Chunks } from './read-lines.js';

/** Max bytes of a line: a batch of millions of points is one line. */
const maxEntryBytes = 128 * 1024 * 1024;

/** Converts a line to the items it holds. Throws `malformed`. */
type ParseEntry = (text: string) => readonly RecordedItem[];

/** The items of a file with one JSON object per line, a chunk's at a time. `entry` names a zip entry in messages. */
export async function* readJson(
  chunks: Chunks,
  parse: ParseEntry,
  bad: BadEntries,
  entry?: string,
): AsyncGenerator<readonly RecordedItem[]> {
  const splitter = new LineSplitter(maxEntryBytes);
  const take = (items: RecordedItem[]): void => {
    while (splitter.next('plain')) {
      const { buf, start, end, problem } = splitter;
      try {
        if (problem) throw problem;
        const text = buf.toString('utf8', start, end).trim();
        if (text !== '') for (const item of parse(text)) items.push(item);
      } catch (reason) {
        bad.report(splitter.line, reason, entry);
      }
    }
  };
  // The chunks of a long line are joined once.
  let incomplete: Buffer[] = [];
  let incompleteBytes = 0;
  for await (const chunk of chunks) {
    incomplete.push(chunk);
    incompleteBytes += chunk.length;
    if (!chunk.includes(newline) && incompleteBytes <= maxEntryBytes) continue;
    splitter.add(incomplete.length === 1 ? chunk : Buffer.concat(incomplete));
    incomplete = [];
    incompleteBytes = 0;
    yield* portion(take);
  }
  splitter.add(Buffer.concat(incomplete));
  splitter.finish();
  yield* portion(take);
}
