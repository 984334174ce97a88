import { Readable, Writable } from 'node:stream';
import type { RecordedItem, RecordingFormat } from '../../src/recording/format.js';
import { type OpenOptions, openRecording } from '../../src/recording/open.js';
import { createRecordingWriter, type WriterOptions } from '../../src/recording/writer.js';
import { LazyBatch } from '../../src/wire/lazy-batch.js';

/** The bytes of these items in a format. */
export async function written(
  format: RecordingFormat,
  items: readonly RecordedItem[],
  options?: WriterOptions,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const writer = createRecordingWriter(format, stream, options);
  for (const item of items) if (!writer.write(item)) await writer.drained();
  await writer.end();
  return Buffer.concat(chunks);
}

/** All items of a recording. */
export async function readAll(from: string | Readable, options?: OpenOptions): Promise<RecordedItem[]> {
  const items: RecordedItem[] = [];
  for await (const chunk of await openRecording(from, options)) items.push(...chunk);
  return items;
}

/** All items of a text, read in chunks of `chunkBytes`. */
export function readText(
  format: RecordingFormat,
  text: string | Buffer,
  options?: OpenOptions,
  chunkBytes = 7,
): Promise<RecordedItem[]> {
  const bytes = Buffer.from(text as string);
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
    bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  );
  return readAll(Readable.from(chunks), { format, ...options });
}

/** An item as plain data. */
export function plain(item: RecordedItem): object {
  if (item instanceof LazyBatch) {
    const { name, tags, byName, time } = item;
    return {
      name,
      tags,
      byName,
      time,
      points: item.points.map(({ time, tags, fields }) => ({ time, tags, fields })),
    };
  }
  const { name, database, retentionPolicy, tags, fields, time } = item;
  return { name, database, retentionPolicy, tags, fields, time };
}
