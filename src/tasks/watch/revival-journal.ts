import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { messageOf, systemCode } from '../../model/errors.js';

/** A task that is disabled only to be enabled again. */
export interface PendingRevival {
  /** When that was begun, in RFC 3339. */
  readonly begun: string;
  /** The task's time of change before, and once it was disabled; absent until then. */
  readonly before: string;
  readonly disabled?: string;
}

interface Entry {
  /** Revisions of tasks whose connections were all open. */
  connected: Record<string, string>;
  pending: Record<string, PendingRevival>;
}

/**
 * What a watcher must still know if it is killed, by the URL of Kapacitor: the tasks that it has disabled and not enabled yet,
 * which look as if a person had disabled them; and the tasks that were connected, which are lost if they no longer are.
 *
 * Without a file it is kept in memory only. A file that cannot be read or written is reported and never fatal.
 */
export class RevivalJournal {
  readonly #file: string | undefined;
  readonly #warn: (problem: string) => void;
  readonly #entries: Map<string, Entry>;
  #written = '';
  #isFailing = false;

  constructor(file: string | undefined, warn: (problem: string) => void) {
    this.#file = file;
    this.#warn = warn;
    this.#entries = file === undefined ? new Map<string, Entry>() : this.#read(file);
  }

  pending(url: string): ReadonlyMap<string, PendingRevival> {
    return new Map(Object.entries(this.#entry(url).pending));
  }

  /** The revision with which a task was connected last. */
  connectedRevision(url: string, task: string): string | undefined {
    const { connected } = this.#entry(url);
    return Object.hasOwn(connected, task) ? connected[task] : undefined;
  }

  /** Replaces the connected tasks. */
  setConnected(url: string, connected: ReadonlyMap<string, string>): void {
    this.#entry(url).connected = fromMap(connected);
    this.#write();
  }

  /** To be called before a task is disabled: durable when it returns. */
  begin(url: string, task: string, revival: PendingRevival): void {
    define(this.#entry(url).pending, task, revival);
    this.#write();
  }

  end(url: string, task: string): void {
    Reflect.deleteProperty(this.#entry(url).pending, task);
    this.#write();
  }

  #entry(url: string): Entry {
    const known = this.#entries.get(url);
    if (known) return known;
    const entry = { connected: {}, pending: {} };
    this.#entries.set(url, entry);
    return entry;
  }

  #read(file: string): Map<string, Entry> {
    try {
      const content = JSON.parse(readFileSync(file, 'utf8')) as unknown;
      if (isJournal(content)) return new Map(Object.entries(content.kapacitors));
      throw new Error('it is not a journal of revivals of this version');
    } catch (reason) {
      if (systemCode(reason) !== 'ENOENT') {
        this.#warn(`${file} cannot be read, and is written anew: ${messageOf(reason)}`);
      }
      return new Map();
    }
  }

  #write(): void {
    if (this.#file === undefined) return;
    const text = JSON.stringify({ version: 1, kapacitors: Object.fromEntries(this.#entries) });
    if (text === this.#written) return;
    try {
      const part = `${this.#file}.part`;
      const fd = openSync(part, 'w', 0o640);
      try {
        writeSync(fd, text);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(part, this.#file);
      this.#written = text;
      this.#isFailing = false;
    } catch (reason) {
      if (!this.#isFailing) {
        this.#warn(`${this.#file} cannot be written: ${messageOf(reason)}; tasks are revived without it`);
      }
      this.#isFailing = true;
    }
  }
}

/** Sets an own property, whatever its name. */
function define<Value>(record: Record<string, Value>, name: string, value: Value): void {
  Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
}

function fromMap<Value>(map: ReadonlyMap<string, Value>): Record<string, Value> {
  return Object.fromEntries([...map].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function isJournal(content: unknown): content is { readonly kapacitors: Record<string, Entry> } {
  const { version, kapacitors } = Object(content) as {
    readonly version?: unknown;
    readonly kapacitors?: unknown;
  };
  return version === 1 && isRecord(kapacitors) && Object.values(kapacitors).every(isEntry);
}

function isEntry(value: unknown): value is Entry {
  if (!isRecord(value) || !isRecord(value.connected) || !isRecord(value.pending)) return false;
  return (
    Object.values(value.connected).every((revision) => typeof revision === 'string') &&
    Object.values(value.pending).every(
      (pending) =>
        isRecord(pending) &&
        typeof pending.begun === 'string' &&
        typeof pending.before === 'string' &&
        ['string', 'undefined'].includes(typeof pending.disabled),
    )
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
