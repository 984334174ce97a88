import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../files/make-directory.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { Line } from './lines.js';

const extension = '.spooled.jsonl';
const partExtension = `${extension}.part`;
/** Owner only: spooled lines may be confidential. */
const fileMode = 0o600;

/**
 * A queue of batches on disk for an unavailable server: one file per batch, ordered by name. A file appears only when it
 * is complete and synced, and is removed once its lines have arrived, so that a killed feeder resumes when restarted.
 */
export class Spool {
  readonly #directory: string;
  readonly #files: string[];
  #nextNumber: number;

  private constructor(directory: string, files: string[]) {
    this.#directory = directory;
    this.#files = files;
    this.#nextNumber = 1 + Number.parseInt(files.at(-1) ?? '0', 10);
  }

  /**
   * Opens the directory, creates it if absent, and removes incomplete files of a killed feeder. Throws `invalid_config` if
   * the directory is unusable.
   */
  static async open(directory: string): Promise<Spool> {
    try {
      makeDirectory(directory);
      const names = await readdir(directory);
      for (const name of names)
        if (name.endsWith(partExtension)) await rm(join(directory, name), { force: true });
      return new Spool(directory, names.filter((name) => name.endsWith(extension)).sort());
    } catch (cause) {
      throw new UdfError('invalid_config', `cannot spool to ${directory}: ${messageOf(cause)}`, { cause });
    }
  }

  /** The number of batches. */
  get size(): number {
    return this.#files.length;
  }

  /** Appends a batch. Rejects with `invalid_config`, and leaves no file, if it cannot be written. */
  async add(lines: readonly Line[]): Promise<void> {
    const file = `${String(this.#nextNumber++).padStart(12, '0')}${extension}`;
    const path = join(this.#directory, file);
    const part = join(this.#directory, file.replace(extension, partExtension));
    try {
      await writeSynced(
        part,
        lines.map(({ text, time, from }) => JSON.stringify([text, String(time), from])).join('\n'),
      );
      await rename(part, path);
    } catch (cause) {
      await rm(part, { force: true }).catch(() => undefined); // the first error is the cause
      throw new UdfError('invalid_config', `cannot spool to ${this.#directory}: ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#files.push(file);
  }

  /** Reads the oldest batch. Rejects with `malformed` if its file is corrupt. */
  async first(): Promise<readonly Line[] | undefined> {
    const file = this.#files[0];
    if (file === undefined) return undefined;
    const text = await readFile(join(this.#directory, file), 'utf8');
    try {
      return text.split('\n').map((entry) => {
        const [line, time, from] = JSON.parse(entry) as [string, string, string]; // as `add` writes it
        return { text: line, time: BigInt(time), from };
      });
    } catch (cause) {
      throw new UdfError('malformed', `${join(this.#directory, file)} is not a spooled batch`, { cause });
    }
  }

  /** Removes the oldest batch. */
  async removeFirst(): Promise<void> {
    const file = this.#files.shift();
    if (file !== undefined) await rm(join(this.#directory, file), { force: true });
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w', fileMode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
