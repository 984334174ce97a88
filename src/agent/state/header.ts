import { UdfError } from '../../model/errors.js';
import { codecName, damaged, packPart, PartReader, truncated } from './parts.js';

/**
 * A snapshot's envelope: `KUDF`, the format's version as one byte, then parts. The first part is the header; `snapshot.ts`
 * describes the others.
 */
const magic = Buffer.from('KUDF', 'latin1');
const formatVersion = 4;

/** Option values by name. */
export type StateOptions = Readonly<Record<string, unknown>>;

/**
 * Tells which of two snapshots of one use is newer, even if the clock was set back in between: compared by epoch, then by
 * run, then by sequence.
 */
export interface Revision {
  /** Raised by each reset, above all earlier snapshots, those that Kapacitor keeps included. */
  readonly epoch: number;
  /** Start of the connection in Unix milliseconds, or one more than the run of the state that it started from. */
  readonly run: number;
  /** Number of snapshots that the connection has taken. */
  readonly sequence: number;
}

export interface SnapshotHeader {
  readonly udf: string;
  readonly version: number;
  readonly codec: string;
  /** The format, from 4 on: the byte before the header has no checksum. */
  readonly format?: number;
  readonly groups: number;
  /** The options that the state depends on; absent in snapshots by older versions of this package. */
  readonly options?: StateOptions;
  /** Absent in snapshots by older versions of this package. */
  readonly revision?: Revision;
  /** The stages that the parts after those of groups belong to, one for each part; absent if there are none. */
  readonly stages?: readonly string[];
}

/** The revision of snapshots that have none: older than any other. */
const noRevision: Revision = { epoch: 0, run: 0, sequence: 0 };

/** Above 0 if `a` is newer than `b`, 0 if they are equal, else below. */
export function compareRevisions(a: Revision = noRevision, b: Revision = noRevision): number {
  return a.epoch - b.epoch || a.run - b.run || a.sequence - b.sequence;
}

/**
 * The oldest format that has what a snapshot needs: so older versions of this package can read what holds nothing new.
 * Format 3 has more than groups' states, format 4 columns of arrays and of optional values.
 */
export type Format = 2 | 3 | 4;

/** The first pieces of a snapshot. */
export function packHeader(header: Omit<SnapshotHeader, 'codec' | 'format'>, format: Format = 2): Buffer[] {
  const whole = { ...header, codec: codecName, ...(format > 3 && { format }) };
  return [magic, Buffer.of(format), ...packPart(whole)];
}

/** A snapshot without groups that is newer than `previous`, and than all snapshots that were taken before now. */
export function emptySnapshot(udf: string, previous: Revision = noRevision): Buffer {
  const epoch = Math.max(previous.epoch + 1, Date.now());
  return Buffer.concat(packHeader({ udf, version: 1, groups: 0, revision: { ...previous, epoch } }));
}

/**
 * Reads a snapshot's header; `parts` reads what follows. `size` is the whole snapshot's if only its start is given. Throws `snapshot_foreign`, `snapshot_newer`, `snapshot_truncated`
 * or `snapshot_damaged`.
 */
export function readHeader(
  snapshot: Uint8Array,
  size: number = snapshot.length,
): {
  readonly header: SnapshotHeader;
  readonly format: number;
  readonly parts: PartReader;
} {
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
  if (format === 0) throw damaged(); // 1 is the lowest version
  const parts = new PartReader(bytes, magic.length + 1);
  const header = checkedHeader(parts.next(), size);
  if (header.format !== (format > 3 ? format : undefined)) throw damaged();
  return { header, format, parts };
}

/** The revision of a snapshot, `undefined` for one by an older version of this package; an error if it has no header. */
export function snapshotRevision(snapshot: Uint8Array): Revision | undefined | UdfError {
  try {
    return readHeader(snapshot).header.revision;
  } catch (reason) {
    return UdfError.from(reason);
  }
}

/** Validates the header of a snapshot of `size` bytes. */
function checkedHeader(part: unknown, size: number): SnapshotHeader {
  if (typeof part !== 'object' || part === null || (part as Partial<SnapshotHeader>).codec !== codecName) {
    throw new UdfError('snapshot_foreign', 'the snapshot has no header that this version can read');
  }
  const header = part as SnapshotHeader; // its other properties are checked below
  const { udf, version, groups, options, revision, stages } = header as {
    readonly [Key in keyof SnapshotHeader]: unknown;
  };
  const isValid =
    typeof udf === 'string' &&
    isCount(version) &&
    version > 0 &&
    isCount(groups) &&
    groups <= size && // a group takes at least one byte
    (options === undefined || (typeof options === 'object' && options !== null)) &&
    (revision === undefined || isRevision(revision)) &&
    (stages === undefined || (Array.isArray(stages) && stages.length <= size));
  if (!isValid) throw damaged();
  return header;
}

function isRevision(value: unknown): value is Revision {
  if (typeof value !== 'object' || value === null) return false;
  const { epoch, run, sequence } = value as { readonly [Key in keyof Revision]?: unknown };
  return isCount(epoch) && isCount(run) && isCount(sequence);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
