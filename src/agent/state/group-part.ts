import { ByteReader, ByteWriter } from './bytes.js';
import { readColumn, readOffsets } from './column-reader.js';
import { ColumnWriter } from './column-writer.js';
import { areColumns, entriesFromColumns } from './columns-format-1.js';
import { UdfError } from '../../model/errors.js';
import type { Format } from './header.js';
import { alignedCopy, damaged, deserializeValue, serializeValue } from './parts.js';
import { unstorablePath } from './plain.js';
import type { GroupEntry, GroupTable } from './table.js';

/** How the groups of a part are stored; its first byte. */
const layout = {
  /** An array of entries, by V8's serializer: for states that differ in their properties, or hold other objects. */
  rows: 0,
  /** The names, the times of last use if groups expire, and a column of objects. */
  columns: 1,
  /** The length of the groups' extras, these, then the groups in one of the other layouts; from format 3 on. */
  withExtras: 2,
} as const;

/** Encodes groups as parts of a snapshot. */
export class GroupPartWriter {
  readonly #groups: GroupTable;
  readonly #writer = new ByteWriter();
  readonly #hasExtras: boolean;
  #format: Format;

  constructor(groups: GroupTable, hasExtras = false) {
    this.#groups = groups;
    this.#hasExtras = hasExtras;
    this.#format = hasExtras ? 3 : 2;
  }

  /** The format that the parts so far need. */
  get format(): Format {
    return this.#format;
  }

  /** The groups at `indexes` as a part; there must be some. Throws `handler` if a state cannot be stored. */
  write(indexes: readonly number[]): Buffer {
    let groups: Buffer;
    try {
      groups = this.#writeGroups(indexes);
    } catch (reason) {
      throw this.#withPlace(reason, indexes);
    }
    if (!this.#hasExtras) return groups;
    const writer = this.#writer;
    writer.clear();
    this.#groups.extras?.write(writer, indexes);
    const written = writer.copy();
    const head = Buffer.alloc(5);
    head[0] = layout.withExtras;
    head.writeUInt32LE(written.length, 1);
    return Buffer.concat([head, written, groups]);
  }

  #writeGroups(indexes: readonly number[]): Buffer {
    const groups = this.#groups;
    const writer = this.#writer;
    const states = indexes.map((index) => groups.peek(index));
    const times = groups.expires ? indexes.map((index) => groups.lastUse(index)) : undefined;
    writer.clear();
    writer.byte(layout.columns);
    writer.uint32(indexes.length);
    const columns = new ColumnWriter(writer);
    const lengths = indexes.map((index) => groups.nameLength(index));
    columns.integers(lengths);
    writer.fill(
      lengths.reduce((sum, length) => sum + length, 0),
      (bytes, start) => {
        let at = start;
        for (let group = 0; group < indexes.length; group++) {
          groups.copyName(indexes[group]!, bytes, at);
          at += lengths[group]!;
        }
      },
    );
    writer.byte(times ? 1 : 0);
    if (times) columns.write(times);
    if (states[0] === undefined ? columns.write(states) : columns.objects(states)) {
      if (columns.needsFormat4) this.#format = 4;
      return writer.copy();
    }
    const rows = indexes.map((index, at): GroupEntry => [groups.name(index)!, states[at], times?.[at]]);
    return Buffer.concat([Buffer.of(layout.rows), serializeValue(rows)]);
  }

  /** Names the group and the place in its state which cannot be stored, as far as they are found. */
  #withPlace(cause: unknown, indexes: readonly number[]): unknown {
    for (const index of indexes) {
      const path = unstorablePath(this.#groups.peek(index));
      if (path === undefined) continue;
      const group = Buffer.from(this.#groups.name(index)!, 'latin1').toString();
      const text = `the state cannot be stored: in group "${group}", state${path} is no data, but a function, a symbol or a promise; keep plain data in it`;
      return new UdfError('handler', text, { cause });
    }
    return cause;
  }
}

/** How states are converted and checked. */
export interface StateConversion {
  /** Converts and checks a state; `name` returns its group's name in latin1. */
  readonly convert: (state: unknown, name: () => string) => unknown;
  /** Whether `convert` may return something else than it was given. */
  readonly migrates: boolean;
}

/**
 * Restores the groups of a part, at most `max`, and returns their number. Throws `snapshot_damaged`, and what `convert`
 * throws.
 */
export function restoreGroups(
  format: number,
  part: Buffer,
  groups: GroupTable,
  max: number,
  conversion: StateConversion,
): number {
  const indexes: number[] = [];
  if (format === 3 || (format > 3 && part[0] === layout.withExtras)) {
    const reader = new ByteReader(part);
    if (reader.byte() !== layout.withExtras) throw damaged();
    const extras = reader.block();
    restoreLayout(format, reader.view(reader.rest), groups, max, conversion, indexes);
    restoreExtras(extras, groups, indexes);
  } else {
    restoreLayout(format, part, groups, max, conversion, indexes);
  }
  return indexes.length;
}

function restoreExtras(bytes: Buffer, groups: GroupTable, indexes: readonly number[]): void {
  // The UDF has, or had, no timers.
  if (!groups.extras || bytes.length === 0) return;
  const restore = groups.extras.read(new ByteReader(bytes), indexes.length);
  if (!groups.expires) {
    for (let at = 0; at < indexes.length; at++) restore(at, indexes[at]!);
    return;
  }
  // One may have expired meanwhile, and its index be another's.
  const lastAt = new Map(indexes.map((index, at) => [index, at]));
  for (const [at, index] of indexes.entries()) {
    if (lastAt.get(index) === at && groups.has(index)) restore(at, index);
  }
}

/** Restores the groups of a part without extras, and appends their indexes. */
function restoreLayout(
  format: number,
  part: Buffer,
  groups: GroupTable,
  max: number,
  conversion: StateConversion,
  indexes: number[],
): void {
  if (format === 1 || part[0] === layout.rows) {
    const rows = alignedCopy(format === 1 ? part : part.subarray(1));
    restoreRows(deserializeValue(rows), rows.length, groups, max, conversion, indexes);
    return;
  }
  const reader = new ByteReader(part);
  if (reader.byte() !== layout.columns) throw damaged();
  restoreColumns(reader, groups, max, conversion, indexes);
}

function restoreColumns(
  reader: ByteReader,
  groups: GroupTable,
  max: number,
  { convert, migrates }: StateConversion,
  indexes: number[],
): void {
  const count = reader.uint32();
  if (count === 0 || count > max || count > reader.rest) throw damaged();
  const { bytes } = reader;
  const offsets = readOffsets(reader, count);
  const namesAt = reader.skip(offsets[count]!);
  const times = reader.byte() === 1 ? readColumn(reader, count) : undefined;
  const states = readColumn(reader, count);
  if (!reader.isAtEnd) throw damaged();
  const hashes = groups.hashNames(bytes, namesAt, offsets);
  const first = migrates ? 0 : groups.addEncoded(states, count);
  let start = 0;
  let end = 0;
  const name = (): string => bytes.toString('latin1', start, end);
  for (let group = 0; group < count; group++) {
    start = namesAt + offsets[group]!;
    end = namesAt + offsets[group + 1]!;
    const state = convert(states(group), name);
    const time = times && timeIn(times(group));
    const index = groups.restoreNamed(bytes, start, end - start, hashes[group]!, time);
    if (migrates) groups.setState(index, state);
    else groups.setEncoded(index, first + group);
    indexes.push(index);
  }
}

function timeIn(time: unknown): bigint | undefined {
  if (!isTime(time)) throw damaged();
  return time;
}

/** Restores an array of entries, or columns of format 1, decoded from `bytes` bytes; appends the groups' indexes. */
function restoreRows(
  part: unknown,
  bytes: number,
  groups: GroupTable,
  max: number,
  conversion: StateConversion,
  indexes: number[],
): void {
  const isByColumns = areColumns(part, bytes);
  const entries: unknown = isByColumns ? part.names : part;
  // A forged array can have a length far beyond its elements; each element takes at least one byte.
  if (!Array.isArray(entries) || entries.length === 0) throw damaged();
  if (entries.length > Math.min(max, bytes)) throw damaged();
  for (const entry of isByColumns ? entriesFromColumns(part) : (entries as readonly unknown[])) {
    if (!isEntry(entry)) throw damaged();
    const [name, old, time] = entry;
    indexes.push(groups.restore([name, conversion.convert(old, () => name), time]));
  }
}

function isEntry(entry: unknown): entry is GroupEntry {
  if (!Array.isArray(entry)) return false;
  const [name, , time] = entry as readonly unknown[];
  return typeof name === 'string' && isTime(time);
}

function isTime(time: unknown): time is bigint | undefined {
  return time === undefined || (typeof time === 'bigint' && BigInt.asIntN(64, time) === time);
}
