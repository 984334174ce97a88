import { type Entry, openPromise } from 'yauzl';
import { messageOf, UdfError } from '../model/errors.js';
import type { Source } from './source.js';

/** The files in a zip file, in the order of its directory: a batch recording has one for each query of the task. */
export async function* readZip(
  path: string,
  source: Source,
): AsyncGenerator<{ readonly name: string; readonly chunks: AsyncIterable<Buffer> }> {
  const damaged = (cause: unknown): never => {
    throw new UdfError('malformed', `${source.name}: its zip data is damaged: ${messageOf(cause)}`, {
      cause,
    });
  };
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false }).catch(damaged);
  const bytes = async function* (entry: Entry): AsyncGenerator<Buffer> {
    const stream = await zip.openReadStreamPromise(entry).catch(damaged);
    const chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await chunks.next().catch(damaged);
        if (next.done) break;
        yield next.value;
      }
    } finally {
      stream.destroy();
    }
    source.bytesRead += entry.compressedSize;
  };
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue;
      yield { name: entry.fileName, chunks: bytes(entry) };
    }
  } catch (reason) {
    if (reason instanceof UdfError) throw reason;
    damaged(reason);
  } finally {
    zip.close();
  }
}
