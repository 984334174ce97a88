import { promisify } from 'node:util';
import { UdfError } from '../../model/errors.js';
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
}

/** Which UDF a snapshot is of, and how states of older versions are brought up to date. */
export interface SnapshotOwner {
  readonly name: string;
  readonly version: number;
  readonly migrate: ((old: unknown, fromVersion: number) => unknown) | undefined;
}

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
  const header: Header = { udf: owner.name, version: owner.version, codec: codecName, groups: groups.size };
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
  for (const entry of groups.entries()) {
    if (entries.push(entry) < groupsPerPart) continue;
    add(columnsOf(entries) ?? entries);
    entries = [];
    await turn();
  }
  if (entries.length > 0) add(columnsOf(entries) ?? entries);
  return { pieces, size };
}

/**
 * Puts a snapshot's groups into an empty table. Throws `snapshot_foreign`, `snapshot_newer`, `snapshot_truncated`,
 * `snapshot_damaged` or `snapshot_migration`; the table may then hold some of them.
 */
export async function readSnapshot(
  owner: SnapshotOwner,
  groups: GroupTable,
  snapshot: Uint8Array,
): Promise<void> {
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
  const header = parts.next() as Header;
  checkHeader(header, owner);
  let restored = 0;
  while (restored < header.groups) {
    for (const entry of entriesIn(parts.next())) {
      groups.restore(migrated(entry, header.version, owner));
      restored++;
    }
    await turn();
  }
  parts.end();
}

function entriesIn(part: unknown): Iterable<GroupEntry> {
  if (areColumns(part)) return entriesOf(part);
  if (!Array.isArray(part) || part.length === 0) throw damaged();
  return part as GroupEntry[];
}

function checkHeader(header: Header, owner: SnapshotOwner): void {
  if (typeof header !== 'object' || (header as unknown) === null || header.codec !== codecName) {
    throw new UdfError('snapshot_foreign', 'the snapshot has no header that this version can read');
  }
  if (header.udf !== owner.name) {
    throw new UdfError('snapshot_foreign', `the snapshot is of UDF "${header.udf}"`);
  }
  if (header.version > owner.version) {
    throw new UdfError(
      'snapshot_newer',
      `the snapshot is of version ${header.version} of the UDF's state, this one knows up to ${owner.version}`,
    );
  }
}

function migrated(entry: GroupEntry, fromVersion: number, { version, migrate }: SnapshotOwner): GroupEntry {
  if (fromVersion === version || !migrate) return entry;
  const [name, old, time] = entry;
  try {
    return [name, migrate(old, fromVersion), time];
  } catch (cause) {
    const group = JSON.stringify(Buffer.from(name, 'latin1').toString());
    throw new UdfError('snapshot_migration', `migrate failed for group ${group}, version ${fromVersion}`, {
      cause,
    });
  }
}
