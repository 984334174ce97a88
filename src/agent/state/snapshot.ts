import { inspect, isDeepStrictEqual } from 'node:util';
import { isUdfError, messageOf, UdfError } from '../../model/errors.js';
import { authorPlace } from '../../udf/author-place.js';
import { GroupPartWriter, restoreGroups, type StateConversion } from './group-part.js';
import { packHeader, readHeader, type Revision, type SnapshotHeader, type StateOptions } from './header.js';
import { packBytes, packPart } from './parts.js';
import type { GroupTable } from './table.js';
import { TimeSlice } from './time-slice.js';

/** The UDF that a snapshot belongs to, and how it converts and checks states. */
export interface SnapshotOwner {
  readonly name: string;
  readonly version: number;
  readonly migrate: ((old: unknown, fromVersion: number) => unknown) | undefined;
  /** The UDF's own check of a state. */
  readonly isState: ((state: unknown) => boolean) | undefined;
  /** The options that the state depends on. */
  readonly options: StateOptions;
  /** The values of options that a TICKscript does not set. */
  readonly defaults: StateOptions;
  /** Throws if a restored state is not valid. */
  readonly checkState: (state: unknown) => void;
  /** Called with the first states of each snapshot, for warnings. */
  readonly inspect: (state: unknown) => void;
}

/** What a snapshot holds besides groups, in parts of its own after theirs. */
export interface SnapshotStage {
  readonly name: string;
  /** Its parts: plain data. */
  parts(): Iterable<unknown>;
  /** Puts back what is in a part. Throws `snapshot_damaged`. */
  restore(part: unknown): void;
  clear(): void;
}

/** Max states per snapshot that are passed to `inspect`. */
const maxInspectedStates = 16;

/**
 * Max groups per part. Each part after the header holds groups, as columns or as an array of entries; between parts the
 * event loop can run.
 */
const maxGroupsPerPart = 2048;

/** Bytes that a part should not exceed: a few milliseconds of work, whatever the states are. */
const partBytes = 256 * 1024;

/** Groups of the first part: their size is not known yet. */
const firstGroups = 64;

/** Bytes of a snapshot per group that room is reserved for: a forged count of groups must not cost memory. */
const minReservedBytes = 16;

/** A snapshot's bytes, in pieces; `size` is their total. */
export interface Snapshot {
  readonly pieces: readonly Buffer[];
  readonly size: number;
}

/**
 * Encodes the groups' states; not empty even without groups. The table must not change until the promise settles. Rejects
 * with `limit` above `maxBytes`, and with `handler` if a state cannot be stored.
 */
export async function writeSnapshot(
  owner: SnapshotOwner,
  groups: GroupTable,
  maxBytes: number,
  revision?: Revision,
  stages: readonly SnapshotStage[] = [],
): Promise<Snapshot> {
  const { name: udf, version, options } = owner;
  const pieces: Buffer[] = [];
  let size = 0;
  const counted = (added: readonly Buffer[]): readonly Buffer[] => {
    for (const { length } of added) size += length;
    if (size > maxBytes) {
      throw new UdfError(
        'limit',
        `the state of ${groups.size} groups takes more than ${maxBytes} bytes (snapshotBytes)`,
      );
    }
    return added;
  };

  const more = stages.flatMap((stage) => Array.from(stage.parts(), (part) => ({ name: stage.name, part })));
  const hasMore = groups.extras !== undefined || more.length > 0;
  const parts = new GroupPartWriter(groups, hasMore);
  const slice = new TimeSlice();
  let indexes: number[] = [];
  let groupsPerPart = firstGroups;
  let inspected = 0;
  for (const index of groups.indexes()) {
    if (inspected++ < maxInspectedStates) owner.inspect(groups.peek(index));
    if (indexes.push(index) < groupsPerPart) continue;
    const part = parts.write(indexes);
    pieces.push(...counted(packBytes(part)));
    // As many groups as would fit if they were like these.
    groupsPerPart = Math.max(1, Math.min(maxGroupsPerPart, (partBytes * indexes.length) / part.length));
    indexes = [];
    await slice.pause();
  }
  if (indexes.length > 0) pieces.push(...counted(packBytes(parts.write(indexes))));
  for (const { part } of more) {
    pieces.push(...counted(packPart(part)));
    await slice.pause();
  }
  const header = { udf, version, groups: groups.size, options, ...(revision && { revision }) };
  const whole = more.length === 0 ? header : { ...header, stages: more.map(({ name }) => name) };
  pieces.unshift(...counted(packHeader(whole, parts.format))); // only now the format is known
  return { pieces, size };
}

/**
 * Restores a snapshot's groups into an empty table. If options that the state depends on have changed, the table stays
 * empty and the changes are returned, as `.size() was 10, is 20`; otherwise the result is empty.
 *
 * Rejects with `snapshot_foreign`, `snapshot_newer`, `snapshot_truncated`, `snapshot_damaged` or `snapshot_migration`; the
 * table may then hold some of the groups. Time and memory are bounded by the snapshot's size, even if it is forged.
 */
export async function readSnapshot(
  owner: SnapshotOwner,
  groups: GroupTable,
  snapshot: Uint8Array,
  stages: readonly SnapshotStage[] = [],
): Promise<readonly string[]> {
  const { header, format, parts } = readHeader(snapshot);
  checkOwner(header, owner);
  const changes = changedOptions(header.options, owner);
  if (changes.length > 0) return changes;
  const expected = Math.min(header.groups, Math.floor(snapshot.length / minReservedBytes));
  groups.reserve(expected);
  const conversion = stateConversion(header.version, owner);
  const slice = new TimeSlice();
  for (let rest = header.groups; rest > 0;) {
    const isFirst = rest === header.groups;
    rest -= restoreGroups(format, parts.nextBytes(), groups, rest, conversion);
    if (isFirst) groups.reserveLike(expected, snapshot.length);
    await slice.pause();
  }
  for (const name of header.stages ?? []) {
    const part = parts.next();
    stages.find((stage) => stage.name === name)?.restore(part);
    await slice.pause();
  }
  parts.end();
  return [];
}

/** Throws unless `owner` can use the snapshot. */
function checkOwner({ udf, version }: SnapshotHeader, owner: SnapshotOwner): void {
  if (udf !== owner.name) throw new UdfError('snapshot_foreign', `the snapshot is of UDF "${udf}"`);
  if (version > owner.version) {
    throw new UdfError(
      'snapshot_newer',
      `the snapshot is of version ${version} of the UDF's state, this one knows up to ${owner.version}`,
    );
  }
}

/** Describes the options whose values have changed. */
function changedOptions(previous: StateOptions | undefined, { options, defaults }: SnapshotOwner): string[] {
  if (previous === undefined) return [];
  return Object.entries(options).flatMap(([name, current]) => {
    // An option that the UDF did not have at the time counts as not set.
    const before = Object.hasOwn(previous, name) ? previous[name] : defaults[name];
    if (isDeepStrictEqual(before, current)) return [];
    return [`.${name}() was ${formatValue(before)}, is ${formatValue(current)}`];
  });
}

function formatValue(value: unknown): string {
  return value === undefined ? 'not given' : inspect(value, { breakLength: Infinity, maxStringLength: 200 });
}

/** Migrates and checks states. Throws `snapshot_migration`, and `snapshot_damaged` if `isState` rejects a state. */
function stateConversion(
  fromVersion: number,
  { version, migrate, isState, checkState }: SnapshotOwner,
): StateConversion {
  const migrates = fromVersion !== version && migrate !== undefined;
  const convert = (old: unknown, name: () => string): unknown => {
    try {
      const state = migrates ? migrate(old, fromVersion) : old;
      checkState(state);
      if (isState?.(state) === false) {
        const group = groupText(name());
        throw new UdfError(
          'snapshot_damaged',
          `the snapshot is damaged: the state of group ${group} is impossible`,
        );
      }
      return state;
    } catch (cause) {
      if (isMigrationRefusal(cause)) throw new UdfError('snapshot_migration', cause.message, { cause });
      if (isUdfError(cause) && cause.code === 'snapshot_damaged') throw cause;
      const what = fromVersion === version ? 'the state cannot be used' : 'migrate failed';
      throw new UdfError(
        'snapshot_migration',
        `${what} for group ${groupText(name())}, version ${fromVersion}: ${messageOf(cause)}${authorPlace(cause)}`,
        { cause },
      );
    }
  };
  return { convert, migrates };
}

function groupText(name: string): string {
  return JSON.stringify(Buffer.from(name, 'latin1').toString());
}

/** Whether `migrate` itself threw `snapshot_migration`, to refuse a state that it cannot convert. */
export function isMigrationRefusal(reason: unknown): reason is UdfError {
  return isUdfError(reason) && reason.code === 'snapshot_migration';
}
