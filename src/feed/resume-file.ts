import { readFile } from 'node:fs/promises';
import { replaceFile } from '../files/atomic-file.js';
import { messageOf, systemCode, UdfError } from '../model/errors.js';
import type { SavedLinks } from '../recording/green-button/links.js';

/** What is known of a source that is polled. */
export interface SourceState {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  /** Everything that was published before has been taken, milliseconds since the epoch. */
  readonly publishedMs?: number | undefined;
  /** The start of the last interval taken of each series, nanoseconds as text. */
  readonly lastIntervals: Readonly<Record<string, string>>;
  /** Links of earlier feeds: later ones may leave out what has not changed. */
  readonly links?: SavedLinks | undefined;
}

interface Content {
  readonly version: 1;
  readonly sources: Readonly<Record<string, SourceState>>;
}

/** The states of sources in a file that is replaced as a whole; without a path they are kept in memory. */
export class ResumeFile {
  readonly #path: string | undefined;
  readonly #sources: Map<string, SourceState>;

  private constructor(path: string | undefined, sources: Map<string, SourceState>) {
    this.#path = path;
    this.#sources = sources;
  }

  /** Reads the file; an absent one is empty. Rejects with `invalid_config` if it is unreadable or not such a file. */
  static async open(path: string | undefined): Promise<ResumeFile> {
    if (path === undefined) return new ResumeFile(path, new Map());
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return new ResumeFile(path, new Map());
      throw new UdfError('invalid_config', `cannot read ${path}: ${messageOf(cause)}`, { cause });
    }
    try {
      const content = JSON.parse(text) as Content | null; // checked below
      if (content?.version !== 1) throw new Error('it has another version');
      return new ResumeFile(path, new Map(Object.entries(content.sources)));
    } catch (cause) {
      throw new UdfError(
        'invalid_config',
        `${path} is no file of --resume (${messageOf(cause)}); name another one, or remove it to fetch everything again`,
        { cause },
      );
    }
  }

  get(source: string): SourceState {
    return this.#sources.get(source) ?? { lastIntervals: {} };
  }

  /** Rejects with `invalid_config` if the file cannot be written; it then has its former content. */
  async set(source: string, state: SourceState): Promise<void> {
    this.#sources.set(source, state);
    if (this.#path === undefined) return;
    const content: Content = { version: 1, sources: Object.fromEntries(this.#sources) };
    try {
      await replaceFile(this.#path, (file) => file.writeFile(`${JSON.stringify(content)}\n`));
    } catch (cause) {
      throw new UdfError('invalid_config', `cannot write ${this.#path}: ${messageOf(cause)}`, { cause });
    }
  }
}
