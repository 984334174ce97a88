import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import { formatOfName, type RecordingFormat } from './format.js';
import { type Entry, openPromise } from 'yauzl';

const chunkBytes = 256 * 1024;

/** The bytes of a recording, as stored. */
export interface Source {
  /** For messages. */
  readonly name: string;
  /** Stored bytes; `undefined` if not known in advance. */
  readonly size: number | undefined;
  /** Stored bytes read so far. */
  bytesRead: number;
  readonly kind: 'plain' | 'gzip' | 'zip';
  /** The stored bytes, not decompressed. */
  stored(): AsyncIterable<Buffer>;
}

/** The format of a file by its name. Throws `invalid_config` for an unknown extension, or a directory. */
export async function formatOfFile(path: string): Promise<RecordingFormat> {
  const found = await stat(path).catch(() => undefined); // opening it reports the error
  if (found?.isDirectory()) throw isDirectory(path);
  return formatOfName(path);
}

function isDirectory(name: string): UdfError {
  return new UdfError('invalid_config', `${name} is a directory, not a recording`);
}

/** Opens a file or stream and detects its compression. Throws `invalid_config` if it cannot be read. */
export async function openSource(from: string | Readable, name: string): Promise<Source> {
  return typeof from === 'string' ? fileSource(from, name) : streamSource(from, name);
}

async function fileSource(path: string, name: string): Promise<Source> {
  try {
    const file = await open(path);
    try {
      const found = await file.stat();
      if (found.isDirectory()) throw isDirectory(name);
      if (!found.isFile()) return await streamSource(createReadStream(path), name);
      const magic = Buffer.alloc(4);
      await file.read(magic, 0, 4, 0);
      const stored = async function* (): AsyncGenerator<Buffer> {
        for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
          source.bytesRead += (chunk as Buffer).length; // no encoding is set
          yield chunk as Buffer;
        }
      };
      const source: Source = { name, size: found.size, bytesRead: 0, kind: kindOf(magic), stored };
      return source;
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof UdfError) throw cause;
    const why = systemCode(cause) === 'ENOENT' ? 'there is no such file' : messageOf(cause);
    throw new UdfError('invalid_config', `cannot read ${name}: ${why}`, { cause });
  }
}

async function streamSource(stream: Readable, name: string): Promise<Source> {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>;
  let first = Buffer.alloc(0);
  while (first.length < 4) {
    const next = await iterator.next();
    if (next.done) break;
    first = Buffer.concat([first, Buffer.from(next.value as Buffer)]);
  }
  const stored = async function* (): AsyncGenerator<Buffer> {
    try {
      source.bytesRead += first.length;
      yield first;
      for (;;) {
        const next = await iterator.next();
        if (next.done) return;
        const chunk = Buffer.from(next.value as Buffer);
        source.bytesRead += chunk.length;
        yield chunk;
      }
    } finally {
      stream.destroy();
    }
  };
  const source: Source = { name, size: undefined, bytesRead: 0, kind: kindOf(first), stored };
  return source;
}

function kindOf(magic: Buffer): Source['kind'] {
  if (magic[0] === 0x1f && magic[1] === 0x8b) return 'gzip';
  return magic.length >= 4 && magic.readUInt32LE(0) === 0x04034b50 ? 'zip' : 'plain';
}

/** The bytes, decompressed if they are gzipped. Throws `malformed` if they are damaged. */
export function plainBytes(source: Source): AsyncIterable<Buffer> {
  return source.kind === 'gzip' ? gunzipped(source) : source.stored();
}

async function* gunzipped(source: Source): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  // Errors surface in the last stream, which `pipeline` destroys.
  pipeline(Readable.from(source.stored(), { objectMode: false }), gunzip, () => undefined);
  const chunks = (gunzip as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch((cause: unknown) => {
        throw new UdfError('malformed', `${source.name}: its gzip data is damaged: ${messageOf(cause)}`, {
          cause,
        });
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    gunzip.destroy();
  }
}

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

/**
 * The decompressed text of a recording; of a zip file, that of all entries joined.
 *
 * Throws `invalid_config` if it cannot be read, `malformed` if it is damaged, `limit` above `maxBytes`.
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
