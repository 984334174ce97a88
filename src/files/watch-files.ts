import { type BigIntStats, existsSync, type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Debounce time: editors write a file in several steps, and version control writes many files. */
const debounceMs = 100;

/** How far the times of files may be behind the clock of the process: the kernel takes them from its timer interrupt. */
const maxFileTimeLagMs = 20;

/**
 * Watches files until `close`. Their directories are watched rather than they themselves, so that a file that does not exist
 * yet, or is replaced by another, is noticed too.
 */
export class FileWatcher {
  readonly #onChange: (files: readonly string[]) => Promise<void>;
  #states = new Map<string, string>();
  readonly #watchers: FSWatcher[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isBusy = false;
  #isClosed = false;

  /** `onChange` is called with the files that have changed, and again only once it has finished. It must not reject. */
  constructor(files: readonly string[], onChange: (files: readonly string[]) => Promise<void>) {
    this.#onChange = onChange;
    this.setFiles(files);
  }

  /**
   * Watches these files instead. A change of one that was watched before is still noticed, and of another one if it was made
   * at `since` or later, in Unix milliseconds: when the caller began to read the files.
   */
  setFiles(files: readonly string[], since = Infinity): void {
    const firstState = (file: string): string => {
      const stats = statSync(file, { throwIfNoEntry: false, bigint: true });
      return stats && Number(stats.ctimeMs) + maxFileTimeLagMs >= since ? 'unknown' : stateText(stats);
    };
    this.#states = new Map(files.map((file) => [file, this.#states.get(file) ?? firstState(file)]));
    this.#open();
    if ([...this.#states].some(([file, state]) => state !== stateOf(file))) this.#checkSoon();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#closeWatchers();
  }

  /** Opens all watchers anew: a directory may have been replaced by another of its name. */
  #open(): void {
    this.#closeWatchers();
    if (this.#isClosed) return;
    const entries = new Map<string, Set<string>>();
    for (const file of this.#states.keys()) {
      const { directory, entry } = nearestEntry(file);
      entries.set(directory, (entries.get(directory) ?? new Set()).add(entry));
    }
    for (const [directory, names] of entries) {
      try {
        const watcher = watch(directory, (_event, name) => {
          if (name === null || names.has(name)) this.#checkSoon();
        });
        watcher.on('error', () => {
          this.#checkSoon();
        });
        this.#watchers.push(watcher);
      } catch {
        this.#checkSoon(); // it was removed at this moment
      }
    }
  }

  #closeWatchers(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }

  #checkSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#isBusy) void this.#check();
    }, debounceMs);
  }

  async #check(): Promise<void> {
    this.#isBusy = true;
    this.#open();
    for (let changed = this.#changed(); changed.length > 0 && !this.#isClosed; changed = this.#changed()) {
      await this.#onChange(changed);
    }
    this.#isBusy = false;
  }

  /** The files that have changed since the last call. */
  #changed(): string[] {
    const changed: string[] = [];
    for (const [file, state] of this.#states) {
      const now = stateOf(file);
      if (now === state) continue;
      this.#states.set(file, now);
      changed.push(file);
    }
    return changed;
  }
}

/** Differs whenever a file has been written, replaced, made or removed. */
function stateOf(file: string): string {
  return stateText(statSync(file, { throwIfNoEntry: false, bigint: true }));
}

function stateText(stats: BigIntStats | undefined): string {
  return stats ? `${stats.mtimeNs} ${stats.size} ${stats.ino}` : 'absent';
}

/** The innermost existing directory of a path, and the entry of it that leads to the path. */
function nearestEntry(path: string): { readonly directory: string; readonly entry: string } {
  let entry = path;
  while (!existsSync(dirname(entry))) entry = dirname(entry);
  return { directory: dirname(entry), entry: basename(entry) };
}
