import type { BadEntries } from './entries.js';
import { newline } from './bytes.js';
import type { RecordedItem } from './format.js';
import { LineSplitter } from './line-splitter.js';
import { portion } from './entries.js';
import type { Chunks } from './read-lines.js';

/** A batch is a line, however large: some million points. */
const maxEntryBytes = 128 * 1024 * 1024;

/** Converts a line to the item it holds. Throws `malformed`. */
type ParseEntry = (text: string) => RecordedItem;

/** The entries of a file with one JSON object a line, those of a chunk at a time. */
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
        if (text !== '') items.push(parse(text));
      } catch (reason) {
        bad.at(splitter.line, reason, entry);
      }
    }
  };
  // The chunks of a long line are joined once.
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (!chunk.includes(newline) && waitingBytes <= maxEntryBytes) continue;
    splitter.add(waiting.length === 1 ? chunk : Buffer.concat(waiting));
    waiting = [];
    waitingBytes = 0;
    yield* portion(take);
  }
  splitter.add(Buffer.concat(waiting));
  splitter.finish();
  yield* portion(take);
}
