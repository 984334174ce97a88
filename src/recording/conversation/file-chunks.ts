import { createReadStream } from 'node:fs';
import { messageOf, systemCode, UdfError } from '../../model/errors.js';

/** A file's bytes, read as they are asked for. Throws `invalid_config` for one that cannot be read. */
export async function* fileChunks(file: string): AsyncGenerator<Buffer> {
  const stream = createReadStream(file, { highWaterMark: 256 * 1024 });
  try {
    for await (const chunk of stream) yield chunk as Buffer; // without an encoding they are Buffers
  } catch (reason) {
    const problem = systemCode(reason) === 'ENOENT' ? 'there is no such file' : messageOf(reason);
    throw new UdfError('invalid_config', `cannot read ${file}: ${problem}`, { cause: reason });
  } finally {
    stream.destroy();
  }
}
