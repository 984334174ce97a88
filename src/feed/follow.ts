import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { systemCode } from '../model/errors.js';

const chunkBytes = 64 * 1024;
/** How often the end of a file is checked for new bytes. */
const pollMs = 250;

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Called once if the file is absent at the start. */
  readonly onMissing?: () => void;
  /** Called before the first bytes of a file that replaced the one before, or that was truncated. */
  readonly onRenewed?: () => void;
}

/**
 * A file's bytes, and what is appended to it, until the signal aborts: what was appended by then is read. A truncated file
 * is read from its start again; when another file takes its place, as in log rotation, the rest of the old one is read
 * first. A file that is absent is waited for.
 */
export async function* followFile(path: string, options: FollowOptions): AsyncGenerator<Buffer> {
  const { signal, onMissing, onRenewed } = options;
  let isFirstMiss = true;
  let files = 0;
  while (!signal.aborted) {
    const file = await openIfThere(path);
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
      await pause(signal);
    }
  }
}

/** One file's bytes until another takes its place. */
async function* followOne(
  file: FileHandle,
  path: string,
  { signal, onRenewed }: FollowOptions,
): AsyncGenerator<Buffer> {
  const { ino, dev } = await file.stat();
  let at = 0;
  let isAtEnd = false;
  for (;;) {
    // Checked before the last read, so that no bytes are left behind in a file that was replaced.
    const replaced = await isReplaced(path, ino, dev);
    while (!signal.aborted || isAtEnd) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    if (replaced || signal.aborted) return;
    isAtEnd = true;
    if ((await file.stat()).size < at) {
      at = 0;
      onRenewed?.();
    } else await pause(signal);
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
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
    return false; // renamed, and the new file is not there yet
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  await wait(pollMs, undefined, { signal }).catch(() => undefined);
}
