import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../files/make-directory.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { Line } from './lines.js';

const extension = '.spooled.jsonl';
const partExtension = `${extension}.part`;
/** Spooled lines are nobody's business but the feeder's. */
const fileMode = 0o600;

/**
 * Lines on disk that wait for a server that is away: a file for each batch, in the order of their names. A file appears
 * only when it is complete and synced, and is removed when its lines have arrived, so that a feeder that was killed resumes
 * here when it is started again.
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
   * Opens the directory, creates it if it is absent, and removes incomplete files of a feeder that was killed. Throws
   * `invalid_config` if it cannot be used.
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

  /** How many batches wait. */
  get size(): number {
    return this.#files.length;
  }

  /** Stores a batch behind the others. Rejects with `invalid_config`, and leaves no file, if the disk does not take it. */
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
      await rm(part, { force: true }).catch(() => undefined); // the first error says what is wrong
      throw new UdfError('invalid_config', `cannot spool to ${this.#directory}: ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#files.push(file);
  }

  /** The oldest batch. Throws `malformed` if its file was changed by others. */
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

  /** Removes the oldest batch, which has arrived. */
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
