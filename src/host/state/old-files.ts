import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { partExtension } from '../../files/atomic-file.js';
import { resetExtension, stateExtension } from './state-file.js';

/** Part of the names of files that were not intact and are kept for inspection. */
export const corruptInfix = '.corrupt-';

/** Max files kept for inspection. */
const maxCorrupt = 10;

/** Age from which a file that another process was writing is left over from one that was killed. */
const maxPartAgeMs = 60 * 60 * 1000;

/**
 * Removes states last used before `maxAgeMs`, files that were being written when a process was killed, and all but the
 * newest of those that are kept for inspection. `isShared`: other processes may be writing. Returns the number of states
 * that were removed. Rejects with the system's error.
 */
export async function removeOldFiles(
  directory: string,
  maxAgeMs: number,
  isShared: boolean,
): Promise<number> {
  const now = Date.now();
  const corrupt: { readonly path: string; readonly mtimeMs: number }[] = [];
  let removed = 0;
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const isState = name.endsWith(stateExtension) || name.endsWith(resetExtension);
    const isPart = name.endsWith(partExtension);
    const isCorrupt = name.includes(corruptInfix);
    if (!isState && !isPart && !isCorrupt) continue;
    const mtimeMs = await stat(path).then(
      (found) => found.mtimeMs,
      () => undefined, // gone meanwhile
    );
    if (mtimeMs === undefined) continue;
    if (isCorrupt) corrupt.push({ path, mtimeMs });
    const ageMs = now - mtimeMs;
    if (ageMs > (isPart ? (isShared ? maxPartAgeMs : 0) : maxAgeMs)) {
      await rm(path, { force: true });
      if (isState) removed++;
    }
  }
  corrupt.sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const { path } of corrupt.slice(maxCorrupt)) await rm(path, { force: true });
  return removed;
}
