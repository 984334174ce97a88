import { type FileHandle, open, stat } from 'node:fs/promises';
import { systemCode } from '../model/errors.js';
import { sleep } from './sleep.js';

const chunkBytes = 64 * 1024;
/** Interval between checks for new bytes. */
const pollMs = 250;

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Called once if the file is absent at the start. */
  readonly onMissing?: () => void;
  /** Called before the first bytes of a replaced or truncated file. */
  readonly onRenewed?: () => void;
}

/**
 * Yields a file's bytes as it grows; after an abort, what was appended by then. Waits for a file that is absent, rereads a
 * truncated one from its start, and follows log rotation: the rest of a replaced file is read before its successor.
 *
 * Throws the system's error if the file cannot be read.
 */
export async function* followFile(path: string, options: FollowOptions): AsyncGenerator<Buffer> {
  const { signal, onMissing, onRenewed } = options;
  let isFirstMiss = true;
  let files = 0;
  while (!signal.aborted) {
    const file = await openIfExists(path);
    if (file) {
      try {
        if (files++ > 0) onRenewed?.();
        yield* followOne(file, path, options);
      } finally {
        await file.close();
      }
    } else {
      if (isFirstMiss && files === 0) onMissing?.();
      isFirstMiss = false;
      await sleep(pollMs, signal);
    }
  }
}

/** Yields the bytes of one file until it is replaced. */
async function* followOne(
  file: FileHandle,
  path: string,
  { signal, onRenewed }: FollowOptions,
): AsyncGenerator<Buffer> {
  const { ino, dev } = await file.stat();
  let offset = 0;
  let isAtEnd = false;
  for (;;) {
    // Checked before the last read, which then cannot miss bytes of a replaced file.
    const replaced = await isReplaced(path, ino, dev);
    while (!signal.aborted || isAtEnd) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, offset);
      if (bytesRead === 0) break;
      offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    if (replaced || signal.aborted) return;
    isAtEnd = true;
    if ((await file.stat()).size < offset) {
      offset = 0;
      onRenewed?.();
    } else await sleep(pollMs, signal);
  }
}

async function openIfExists(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch (reason) {
    if (systemCode(reason) === 'ENOENT') return undefined;
    throw reason;
  }
}

async function isReplaced(path: string, ino: number, dev: number): Promise<boolean> {
  try {
    const now = await stat(path);
    return now.ino !== ino || now.dev !== dev;
  } catch {
    return false; // renamed, and the new file does not exist yet
  }
}
