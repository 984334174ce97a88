import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../files/make-directory.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { Line } from './line.js';

const ending = '.spooled.jsonl';

/**
 * Lines that wait on disk for a server that is away: a file for each batch, in the order that they came in. A file is
 * there only once it is whole and on the disk, and goes when its lines have arrived, so that a feeder that is killed goes
 * on from here when it is started again.
 */
export class Spool {
  readonly #directory: string;
  readonly #waiting: string[];
  #next: number;

  private constructor(directory: string, waiting: string[]) {
    this.#directory = directory;
    this.#waiting = waiting;
    this.#next = 1 + Number.parseInt(waiting.at(-1) ?? '0', 10);
  }

  /** Makes the directory if there is none. Throws `invalid_config` if it cannot be used. */
  static async open(directory: string): Promise<Spool> {
    try {
      makeDirectory(directory);
      const files = (await readdir(directory)).filter((file) => file.endsWith(ending));
      return new Spool(directory, files.sort());
    } catch (cause) {
      throw new UdfError('invalid_config', `cannot spool to ${directory}: ${messageOf(cause)}`, { cause });
    }
  }

  /** How many batches wait. */
  get size(): number {
    return this.#waiting.length;
  }

  async add(lines: readonly Line[]): Promise<void> {
    const file = `${String(this.#next++).padStart(12, '0')}${ending}`;
    const path = join(this.#directory, file);
    const part = `${path}.part`;
    const handle = await open(part, 'w', 0o600);
    try {
      await handle.writeFile(
        lines.map(({ text, time, from }) => JSON.stringify([text, String(time), from])).join('\n'),
      );
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, path);
    this.#waiting.push(file);
  }

  /** The batch that has waited longest. Throws `malformed` for a file that somebody else has changed. */
  async first(): Promise<readonly Line[] | undefined> {
    const file = this.#waiting[0];
    if (file === undefined) return undefined;
    const text = await readFile(join(this.#directory, file), 'utf8');
    try {
      return text.split('\n').map((entry) => {
        const [line, time, from] = JSON.parse(entry) as [string, string, string];
        return { text: line, time: BigInt(time), from };
      });
    } catch (cause) {
      throw new UdfError('malformed', `${join(this.#directory, file)} is no spooled batch`, { cause });
    }
  }

  /** The batch that has waited longest has arrived. */
  async removeFirst(): Promise<void> {
    const file = this.#waiting.shift();
    if (file !== undefined) await rm(join(this.#directory, file), { force: true });
  }
}
