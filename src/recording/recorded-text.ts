import { UdfError } from '../model/errors.js';
import { readZip } from './read-zip.js';
import { openSource, plainBytes, type Source } from './source.js';

/**
 * The text of a recording, as it was before it was compressed; of a zip file, that of all its entries.
 *
 * Throws `invalid_config` if it cannot be read, `malformed` if it is damaged, `limit` above so many bytes.
 */
export async function recordedText(path: string, maxBytes: number): Promise<string> {
  const source = await openSource(path, path);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source.kind === 'zip' ? entryBytes(path, source) : plainBytes(source)) {
    size += chunk.length;
    if (size > maxBytes)
      throw new UdfError('limit', `${path} has more than ${maxBytes} bytes, too many to compare`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

async function* entryBytes(path: string, source: Source): AsyncGenerator<Buffer> {
  for await (const { chunks } of readZip(path, source)) yield* chunks;
}
