import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { UseId } from '../../model/statistics.js';
import { makeDirectory } from '../../files/make-directory.js';
import { systemCode } from '../../model/errors.js';

const extension = '.lp';
/** Owner only: points may be confidential. */
const fileMode = 0o600;
const maxFileBytes = 8 * 1024 * 1024;
/** Files that are appended to at a time; beyond it, the one used longest ago is left and the next text begins a new one. */
const maxCurrentFiles = 1000;

interface RotatedFile {
  readonly path: string;
  size: number;
}

/**
 * The files of a directory, `UDF/TASK-TIME-ID.lp`: appended to up to an eighth of the directory's limit, at most 8 MiB,
 * and removed, oldest first, where the directory would exceed its limit. No file stays open.
 */
export class RotatedFiles {
  removedFiles = 0;
  readonly #directory: string;
  readonly #maxBytes: number;
  /** By UDF and task, in the order of their last use. */
  readonly #current = new Map<string, RotatedFile>();
  /** Oldest first. */
  #files: RotatedFile[] = [];

  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#files.reduce((sum, { size }) => sum + size, 0);
  }

  /** Appends whole lines to the file of a use. Rejects with the system's error, with no part of `text` in the file. */
  async append({ udf, task }: UseId, text: Buffer): Promise<void> {
    if (text.length > this.#maxBytes)
      throw new Error(`${text.length} bytes are above the limit of the directory`);
    const key = JSON.stringify([udf, task]);
    let file = this.#current.get(key);
    if (!file || file.size + text.length > Math.min(this.#maxBytes / 8, maxFileBytes)) {
      await this.#scan();
      file = this.#newFile(udf, task);
    }
    await this.#makeRoom(text.length, file);
    this.#use(key, file);
    try {
      await appendWhole(file.path, text, file.size);
    } catch (reason) {
      if (!(reason instanceof PartlyWritten)) throw reason;
      this.#current.delete(key); // the next line would join the part
      throw reason.cause;
    }
    if (!this.#files.includes(file)) this.#files.push(file);
    file.size += text.length;
  }

  #newFile(udf: string, task: string): RotatedFile {
    const directory = join(this.#directory, fileName(udf));
    makeDirectory(directory);
    const time = new Date().toISOString().replace(/[-:.]/g, '');
    const path = join(directory, `${fileName(task)}-${time}-${randomBytes(3).toString('hex')}${extension}`);
    return { path, size: 0 };
  }

  #use(key: string, file: RotatedFile): void {
    this.#current.delete(key);
    this.#current.set(key, file);
    if (this.#current.size <= maxCurrentFiles) return;
    for (const oldest of this.#current.keys()) {
      this.#current.delete(oldest);
      return;
    }
  }

  async #makeRoom(bytes: number, kept: RotatedFile): Promise<void> {
    while (this.bytes + bytes > this.#maxBytes) {
      const oldest = this.#files.find((file) => file !== kept);
      if (!oldest) return;
      await rm(oldest.path, { force: true });
      this.removedFiles++;
      this.#files = this.#files.filter((file) => file !== oldest);
      for (const [key, file] of this.#current) if (file === oldest) this.#current.delete(key);
    }
  }

  /** Finds the files of earlier processes, and of others that write here. Called where a file is begun. */
  async #scan(): Promise<void> {
    makeDirectory(this.#directory);
    const known = new Map(this.#files.map((file) => [file.path, file]));
    const found: { readonly file: RotatedFile; readonly modified: number }[] = [];
    const names = await readdir(this.#directory, { recursive: true });
    for (const name of names) {
      if (!name.endsWith(extension)) continue;
      const path = join(this.#directory, name);
      const status = await statOf(path);
      if (!status?.isFile()) continue;
      const file = known.get(path) ?? { path, size: 0 };
      file.size = status.size;
      found.push({ file, modified: status.mtimeMs });
    }
    this.#files = found.sort((a, b) => a.modified - b.modified).map(({ file }) => file);
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (reason) {
    if (systemCode(reason) === 'ENOENT') return undefined; // removed in the meantime
    throw reason;
  }
}

/** A file that ends with part of a text, which could not be cut off again. */
class PartlyWritten extends Error {}

/** Appends a text, or nothing of it: a full disk takes part of a write. */
async function appendWhole(path: string, text: Buffer, size: number): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'a', fileMode);
    await handle.appendFile(text);
  } catch (cause) {
    try {
      await handle?.truncate(size);
    } catch {
      throw new PartlyWritten('', { cause });
    }
    throw cause;
  } finally {
    await handle?.close().catch(() => undefined); // an error of the write is the cause
  }
}

const maxNameLength = 80;

/** A name for a file: characters other than letters, digits, `.`, `_` and `-` are replaced, and told apart by a checksum. */
function fileName(name: string): string {
  const safe = name.replace(/[^\p{L}\p{N}._-]|^\./gu, '_').slice(0, maxNameLength);
  if (safe === name && safe !== '') return safe;
  return `${safe}-${crc32(name).toString(16)}`;
}
