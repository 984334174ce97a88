import { type FSWatcher, watch } from 'node:fs';
import { rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { compareRevisions, readHeader, type Revision } from '../../agent/state/header.js';
import type { StateStore } from '../../agent/state-store.js';
import type { UseId } from '../../model/statistics.js';
import { makeDirectory } from '../../files/make-directory.js';
import { messageOf, systemCode, UdfError } from '../../model/errors.js';
import type { StateSaveStats } from '../../model/statistics.js';
import type { Logger } from '../../telemetry/logger.js';
import { RateLimitedLogger } from '../../telemetry/rate-limited-logger.js';
import { type DirectoryLock, lockDirectory } from './directory-lock.js';
import { corruptInfix, removeOldFiles } from './old-files.js';
import {
  headerOfPieces,
  readStateFile,
  resetExtension,
  stateExtension,
  stateFileName,
  writeStateFile,
} from './state-file.js';

export interface StateDirectoryOptions {
  readonly directory: string;
  readonly logger: Logger;
  /** Remove the state of uses that are not running after this many milliseconds: 30 days if not given. */
  readonly maxAgeMs?: number | undefined;
  /** Other processes use the directory too, each for uses of its own: those that Kapacitor starts over stdio. */
  readonly isShared?: boolean | undefined;
}

const dayMs = 24 * 60 * 60 * 1000;

/** How often running uses are marked as used, and old files looked for. */
const upkeepMs = 60 * 60 * 1000;

/** When a failed save is tried again, unless there is a newer one. */
const retryMs = 5_000;

/** Max time for the last saves when the host stops. */
const closeTimeoutMs = 10_000;

/** The saves of one use. */
interface Slot {
  readonly use: UseId;
  readonly path: string;
  /** The revision of the newest snapshot that was handed in. */
  newest?: Revision | undefined;
  /** The newest snapshot until it is written. */
  waiting?: readonly Buffer[] | undefined;
  writing?: Promise<void> | undefined;
  retry?: NodeJS.Timeout | undefined;
  readonly listeners: Set<(snapshot: Buffer) => void>;
}

/** The states of all uses of a host, in a directory of files. */
export class StateDirectory implements StateStore {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #failures: RateLimitedLogger;
  readonly #maxAgeMs: number;
  readonly #slots = new Map<string, Slot>();
  #lock: DirectoryLock | undefined;
  #watcher: FSWatcher | undefined;
  #upkeep: NodeJS.Timeout | undefined;
  #closed = false;
  #saves = 0;
  #savedBytes = 0;
  #saveErrors = 0;
  #lastSave: number | undefined;

  private constructor({ directory, logger, maxAgeMs = 30 * dayMs }: StateDirectoryOptions) {
    this.#directory = directory;
    this.#logger = logger;
    this.#failures = new RateLimitedLogger(logger);
    this.#maxAgeMs = maxAgeMs;
  }

  /**
   * Opens a directory, which is made if absent, and locks it unless it is shared. A directory that cannot be written is
   * logged, and tried again at each save.
   *
   * Rejects with `invalid_config` if the directory cannot be made, or another host uses it, and `socket_path_too_long`.
   */
  static async open(options: StateDirectoryOptions): Promise<StateDirectory> {
    const states = new StateDirectory(options);
    makeDirectory(options.directory);
    if (!options.isShared) states.#lock = await lockDirectory(options.directory, options.logger);
    states.#watch();
    await states.#keepUp(options.isShared ?? false);
    states.#upkeep = setInterval(() => {
      void states.#keepUp(true);
    }, upkeepMs);
    states.#upkeep.unref();
    return states;
  }

  get stats(): StateSaveStats {
    return {
      saves: this.#saves,
      savedBytes: this.#savedBytes,
      errors: this.#saveErrors,
      lastSave: this.#lastSave,
    };
  }

  async load(use: UseId): Promise<Buffer | undefined> {
    const { path, waiting } = this.#slot(use);
    const stored = waiting ? Buffer.concat(waiting) : await this.#read(path + stateExtension, use);
    if (stored && !waiting) await this.#touch(path);
    const reset = await this.#read(path + resetExtension, use);
    if (!reset) return stored;
    return stored && compareRevisions(revisionOf(stored), revisionOf(reset)) >= 0 ? stored : reset;
  }

  save(use: UseId, snapshot: readonly Buffer[]): Promise<void> {
    const slot = this.#slot(use);
    const { revision } = headerOfPieces(snapshot);
    // Two connections of one use may overlap when a task is restarted: the one that began last wins.
    if (this.#closed || compareRevisions(revision, slot.newest) < 0) return slot.writing ?? Promise.resolve();
    slot.newest = revision;
    slot.waiting = snapshot;
    return this.#write(slot);
  }

  onReplace(use: UseId, listener: (snapshot: Buffer) => void): () => void {
    const { listeners } = this.#slot(use);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Waits for the last saves, and unlocks the directory. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#upkeep);
    this.#watcher?.close();
    const saves = Array.from(this.#slots.values(), async (slot) => {
      clearTimeout(slot.retry);
      await slot.writing;
      if (slot.waiting) await this.#write(slot);
    });
    const timeout = new AbortController();
    const timedOut = delay(closeTimeoutMs, undefined, { signal: timeout.signal }).catch(() => undefined);
    await Promise.race([Promise.all(saves), timedOut]);
    timeout.abort();
    for (const { use, waiting, retry } of this.#slots.values()) {
      clearTimeout(retry);
      if (waiting) this.#logger.error({ ...use }, 'the last state is not stored');
    }
    this.#lock?.release();
  }

  #slot(use: UseId): Slot {
    const name = stateFileName(use);
    let slot = this.#slots.get(name);
    if (!slot) {
      slot = { use, path: join(this.#directory, name), listeners: new Set() };
      this.#slots.set(name, slot);
    }
    return slot;
  }

  #write(slot: Slot): Promise<void> {
    slot.writing ??= this.#writeNewest(slot).finally(() => {
      slot.writing = undefined;
    });
    return slot.writing;
  }

  async #writeNewest(slot: Slot): Promise<void> {
    clearTimeout(slot.retry);
    while (slot.waiting) {
      const snapshot = slot.waiting;
      try {
        if (!(await this.#replacedByReset(slot, snapshot))) {
          await writeStateFile(slot.path + stateExtension, slot.use, snapshot);
          this.#saves++;
          this.#savedBytes += snapshot.reduce((sum, { length }) => sum + length, 0);
          this.#lastSave = Date.now();
          await this.#removeAppliedReset(slot, snapshot);
        }
        if (slot.waiting === snapshot) slot.waiting = undefined;
      } catch (reason) {
        this.#saveErrors++;
        const consequence = this.#closed ? '' : '; the task continues, and it is tried again';
        this.#failures.error(
          () => ({ ...slot.use, code: systemCode(reason) }),
          `cannot write to the state directory ${this.#directory}: ${messageOf(reason)}${consequence}`,
        );
        if (slot.waiting !== snapshot) continue;
        if (!this.#closed) {
          slot.retry = setTimeout(() => void this.#write(slot), retryMs);
          slot.retry.unref();
        }
        return;
      }
    }
  }

  /** Whether a reset is newer than a snapshot, which is then not stored; the use's `onReplace` listener is called. */
  async #replacedByReset(slot: Slot, snapshot: readonly Buffer[]): Promise<boolean> {
    const reset = await this.#read(slot.path + resetExtension, slot.use);
    if (!reset || compareRevisions(headerOfPieces(snapshot).revision, revisionOf(reset)) >= 0) return false;
    for (const listener of slot.listeners) listener(reset);
    if (slot.listeners.size === 0) {
      await rename(slot.path + resetExtension, slot.path + stateExtension);
    }
    return true;
  }

  async #removeAppliedReset(slot: Slot, snapshot: readonly Buffer[]): Promise<void> {
    const reset = await this.#read(slot.path + resetExtension, slot.use);
    if (reset && compareRevisions(headerOfPieces(snapshot).revision, revisionOf(reset)) >= 0) {
      await rm(slot.path + resetExtension, { force: true });
    }
  }

  /** The snapshot in a file; `undefined` if there is none. A file that is not intact is set aside and logged. */
  async #read(path: string, use: UseId): Promise<Buffer | undefined> {
    try {
      const { identity, snapshot } = await readStateFile(path);
      if (identity.udf === use.udf && identity.task === use.task && identity.node === use.node)
        return snapshot;
      throw new UdfError('snapshot_foreign', `the state file ${path} belongs to another use`);
    } catch (reason) {
      if (systemCode(reason) === 'ENOENT') return undefined;
      await this.#setAside(path, use, reason);
      return undefined;
    }
  }

  async #setAside(path: string, use: UseId, reason: unknown): Promise<void> {
    const { code, message } = UdfError.from(reason);
    let consequence = 'it is not used';
    if (code.startsWith('snapshot_')) {
      const aside = `${path}${corruptInfix}${Date.now()}`;
      await rename(path, aside).then(
        () => (consequence = `it is kept as ${aside}`),
        () => undefined, // the directory cannot be written
      );
    }
    this.#logger.error(
      { ...use, code: systemCode(reason) ?? code },
      `cannot read a state: ${message}; ${consequence}`,
    );
  }

  /** Marks a state as used now. */
  async #touch(path: string): Promise<void> {
    const now = new Date();
    await utimes(path + stateExtension, now, now).catch(() => undefined); // not there, or not writable
  }

  async #keepUp(isShared: boolean): Promise<void> {
    const running = Array.from(this.#slots.values()).filter(
      ({ listeners, waiting }) => listeners.size > 0 || waiting,
    );
    await Promise.all(running.map(({ path }) => this.#touch(path)));
    try {
      const removed = await removeOldFiles(this.#directory, this.#maxAgeMs, isShared);
      if (removed > 0) this.#logger.info({ removed }, 'old states of tasks that do not run are removed');
    } catch (reason) {
      this.#failures.error(
        () => ({ code: systemCode(reason) }),
        `cannot look for old states in ${this.#directory}: ${messageOf(reason)}`,
      );
    }
  }

  /** Passes resets on to running uses at once. Without watching, a use gets it at its next save. */
  #watch(): void {
    try {
      this.#watcher = watch(this.#directory, (_event, file) => {
        if (file?.endsWith(resetExtension)) void this.#pass(file.slice(0, -resetExtension.length));
      });
      this.#watcher.unref();
      this.#watcher.on('error', () => undefined);
    } catch (reason) {
      this.#logger.debug({ code: systemCode(reason) }, 'the state directory cannot be watched');
    }
  }

  async #pass(name: string): Promise<void> {
    const slot = this.#slots.get(name);
    if (!slot || slot.listeners.size === 0) return;
    const reset = await this.#read(slot.path + resetExtension, slot.use);
    if (!reset) return;
    if (compareRevisions(slot.newest, revisionOf(reset)) >= 0) return; // done already
    for (const listener of slot.listeners) listener(reset);
  }
}

function revisionOf(snapshot: Buffer): Revision | undefined {
  try {
    return readHeader(snapshot).header.revision;
  } catch {
    return undefined; // the agent that restores the snapshot reports it
  }
}
