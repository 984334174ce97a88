import { inspect, isDeepStrictEqual, promisify } from 'node:util';
import { isUdfError, messageOf, UdfError } from '../../model/errors.js';
import type { GroupEntry, GroupTable } from './table.js';
import { areColumns, columnsOf, entriesOf } from './columns.js';
import { codecName, damaged, packPart, PartReader, truncated } from './parts.js';

/**
 * A snapshot's envelope: `KUDF`, the format's version as one byte, then parts. The first part is the header; the others
 * hold the groups, some at a time, so that either way only a slice of the work is done at once: by columns, or as an
 * array of entries.
 */
const magic = Buffer.from('KUDF', 'latin1');
const formatVersion = 1;

interface Header {
  readonly udf: string;
  readonly version: number;
  readonly codec: string;
  readonly groups: number;
  /** The options that the state depends on; absent in a snapshot of an older version of this package. */
  readonly options?: StateOptions;
}

/** The values of options, by name. */
export type StateOptions = Readonly<Record<string, unknown>>;

/** Which UDF a snapshot is of, and how states of older versions are brought up to date. */
export interface SnapshotOwner {
  readonly name: string;
  readonly version: number;
  readonly migrate: ((old: unknown, fromVersion: number) => unknown) | undefined;
  /** The UDF's own check of a state. */
  readonly isState: ((state: unknown) => boolean) | undefined;
  /** The options that the state depends on, and the values of those that a TICKscript does not give. */
  readonly options: StateOptions;
  readonly defaults: StateOptions;
  /** Checks a state that is to be used. Throws for what is no state. */
  checkState(state: unknown): void;
  /** Called with some of the states that are stored. */
  inspect(state: unknown): void;
}

/** States of a snapshot that are inspected. */
const maxInspected = 16;

/** Groups a part: about a millisecond of work. */
const groupsPerPart = 2048;

/** Lets sockets and timers have their turn. */
const turn = promisify(setImmediate);

/** A snapshot's bytes, in pieces. */
export interface Snapshot {
  readonly pieces: readonly Buffer[];
  readonly size: number;
}

/**
 * The groups' state as bytes, never none. The table must not change until it is done; other connections, and
 * keepalives on this one, go on meanwhile. Throws `limit` above `limitBytes`, and `handler` if a state cannot be stored.
 */
export async function writeSnapshot(
  owner: SnapshotOwner,
  groups: GroupTable,
  limitBytes: number,
): Promise<Snapshot> {
  const { name: udf, version, options } = owner;
  const header: Header = { udf, version, codec: codecName, groups: groups.size, options };
  const pieces: Buffer[] = [magic, Buffer.of(formatVersion)];
  let size = magic.length + 1;
  const add = (value: unknown): void => {
    for (const bytes of packPart(value)) {
      pieces.push(bytes);
      size += bytes.length;
    }
    if (size > limitBytes) {
      throw new UdfError(
        'limit',
        `the state of ${groups.size} groups takes more than ${limitBytes} bytes (snapshotBytes)`,
      );
    }
  };

  add(header);
  let entries: GroupEntry[] = [];
  let inspected = 0;
  for (const entry of groups.entries()) {
    if (inspected++ < maxInspected) owner.inspect(entry[1]);
    if (entries.push(entry) < groupsPerPart) continue;
    add(columnsOf(entries) ?? entries);
    entries = [];
    await turn();
  }
  if (entries.length > 0) add(columnsOf(entries) ?? entries);
  return { pieces, size };
}

/**
 * Puts a snapshot's groups into an empty table. Returns how options that the state depends on have changed since: then the
 * state is of no use and the table stays empty.
 *
 * Throws `snapshot_foreign`, `snapshot_newer`, `snapshot_truncated`, `snapshot_damaged` or `snapshot_migration`; the table
 * may then hold some of the groups. Time and memory are bounded by the snapshot's size, whatever it says about itself.
 */
export async function readSnapshot(
  owner: SnapshotOwner,
  groups: GroupTable,
  snapshot: Uint8Array,
): Promise<readonly string[]> {
  const bytes = Buffer.from(snapshot.buffer, snapshot.byteOffset, snapshot.byteLength);
  const start = bytes.subarray(0, magic.length);
  if (!start.equals(magic.subarray(0, start.length))) {
    throw new UdfError('snapshot_foreign', 'the snapshot was not written by kapacitor-udf');
  }
  if (bytes.length <= magic.length) throw truncated();
  const format = bytes[magic.length]!;
  if (format > formatVersion) {
    throw new UdfError(
      'snapshot_newer',
      `the snapshot has format ${format}, this version knows up to ${formatVersion}`,
    );
  }
  if (format !== formatVersion) throw damaged(); // there was never one below

  const parts = new PartReader(bytes, magic.length + 1);
  const header = checkedHeader(parts.next(), owner, bytes.length);
  const changes = changedOptions(header.options, owner);
  if (changes.length > 0) return changes;
  let restored = 0;
  while (restored < header.groups) {
    for (const entry of entriesIn(parts, header.groups - restored)) {
      groups.restore(migrated(entry, header.version, owner));
      restored++;
    }
    await turn();
  }
  parts.end();
  return [];
}

/** The next part's groups, at most `max`. Throws `snapshot_damaged` for what cannot be groups. */
function* entriesIn(parts: PartReader, max: number): Generator<GroupEntry> {
  const part = parts.next();
  const isByColumns = areColumns(part, parts.size);
  const entries: unknown = isByColumns ? part.names : part;
  // An array may claim a length that it has no elements for; each takes a byte at least.
  if (!Array.isArray(entries) || entries.length === 0) throw damaged();
  if (entries.length > Math.min(max, parts.size)) throw damaged();
  for (const entry of isByColumns ? entriesOf(part) : (entries as readonly unknown[])) {
    if (!isEntry(entry)) throw damaged();
    yield entry;
  }
}

function isEntry(entry: unknown): entry is GroupEntry {
  if (!Array.isArray(entry)) return false;
  const [name, , time] = entry as readonly unknown[];
  return (
    typeof name === 'string' &&
    (time === undefined || (typeof time === 'bigint' && BigInt.asIntN(64, time) === time))
  );
}

/** The header, if it can be one of a snapshot of so many bytes and of this UDF. */
function checkedHeader(part: unknown, owner: SnapshotOwner, size: number): Header {
  if (typeof part !== 'object' || part === null || (part as Partial<Header>).codec !== codecName) {
    throw new UdfError('snapshot_foreign', 'the snapshot has no header that this version can read');
  }
  const header = part as Header; // its other properties are checked now
  const { udf, version, groups, options } = header as { readonly [Key in keyof Header]: unknown };
  const isPossible =
    typeof udf === 'string' &&
    isCount(version) &&
    version > 0 &&
    isCount(groups) &&
    groups <= size && // each takes more than a byte
    (options === undefined || (typeof options === 'object' && options !== null));
  if (!isPossible) throw damaged();
  if (header.udf !== owner.name) {
    throw new UdfError('snapshot_foreign', `the snapshot is of UDF "${header.udf}"`);
  }
  if (header.version > owner.version) {
    throw new UdfError(
      'snapshot_newer',
      `the snapshot is of version ${header.version} of the UDF's state, this one knows up to ${owner.version}`,
    );
  }
  return header;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The options that have another value now, as `.size() was 10, is 20`. */
function changedOptions(was: StateOptions | undefined, { options, defaults }: SnapshotOwner): string[] {
  if (was === undefined) return [];
  return Object.entries(options).flatMap(([name, is]) => {
    // An option that the UDF did not have then counts as not given.
    const before = Object.hasOwn(was, name) ? was[name] : defaults[name];
    return isDeepStrictEqual(before, is) ? [] : [`.${name}() was ${shown(before)}, is ${shown(is)}`];
  });
}

function shown(value: unknown): string {
  return value === undefined ? 'not given' : inspect(value, { breakLength: Infinity, maxStringLength: 200 });
}

/** An entry with its state in today's shape. Throws `snapshot_migration`, and `snapshot_damaged` for an impossible state. */
function migrated(entry: GroupEntry, fromVersion: number, owner: SnapshotOwner): GroupEntry {
  const { version, migrate, isState } = owner;
  const [name, old, time] = entry;
  const shownGroup = (): string => JSON.stringify(Buffer.from(name, 'latin1').toString());
  try {
    const state = fromVersion === version || !migrate ? old : migrate(old, fromVersion);
    owner.checkState(state);
    if (isState?.(state) === false) {
      throw new UdfError(
        'snapshot_damaged',
        `the snapshot is damaged: the state of group ${shownGroup()} is impossible`,
      );
    }
    return state === old ? entry : [name, state, time];
  } catch (cause) {
    if (isMigrationRefusal(cause)) throw new UdfError('snapshot_migration', cause.message, { cause });
    if (isUdfError(cause) && cause.code === 'snapshot_damaged') throw cause;
    const what = fromVersion === version ? 'the state cannot be used' : 'migrate failed';
    throw new UdfError(
      'snapshot_migration',
      `${what} for group ${shownGroup()}, version ${fromVersion}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** Whether a thrown value is how `migrate` refuses, on purpose, a state that it cannot convert. */
export function isMigrationRefusal(reason: unknown): reason is UdfError {
  return isUdfError(reason) && reason.code === 'snapshot_migration';
}
