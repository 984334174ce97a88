import { UdfError } from '../model/errors.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { formatLine } from './format-line.js';
import type { RecordedItem } from './format.js';

/** A point as line protocol. Throws `invalid_argument` for a batch, and for what line protocol cannot hold. */
export function formatPointLine(item: RecordedItem): string {
  if (item instanceof LazyBatch) {
    throw new UdfError('invalid_argument', 'line protocol holds points, not batches');
  }
  return formatLine({ name: item.name, tags: item.tags, fields: item.fields, time: item.time });
}

/** Kapacitor reads its recordings line by line, and a line with its newline has at most so many bytes. */
const maxBytes = 65_536;

/**
 * A point as Kapacitor's stream recordings have it: database, retention policy, line protocol. Throws
 * `invalid_argument` for what Kapacitor could not read there.
 */
export function formatStreamEntry(item: RecordedItem): string {
  if (item instanceof LazyBatch) throw cannot('a batch; write it to a .brpl recording');
  const { database, retentionPolicy } = item;
  for (const [what, text] of [
    ['database', database],
    ['retention policy', retentionPolicy],
  ] as const) {
    if (/\n|\r$/.test(text))
      throw cannot(`the ${what} ${JSON.stringify(text)}: it has the end of a line in it`);
  }
  const line = formatPointLine(item);
  if (line.includes('\n')) throw cannot('a newline in a text: Kapacitor reads a point from one line');
  const bytes = Buffer.byteLength(line) + 1;
  if (bytes > maxBytes) throw cannot(`a point of ${bytes} bytes: Kapacitor reads at most ${maxBytes}`);
  return `${database}\n${retentionPolicy}\n${line}`;
}

function cannot(what: string): UdfError {
  return new UdfError('invalid_argument', `a .srpl recording cannot hold ${what}`);
}
