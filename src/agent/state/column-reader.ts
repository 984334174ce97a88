import { deserialize } from 'node:v8';
import { setEntry } from '../../model/values.js';
import type { ByteReader } from './bytes.js';
import { columnKind, isStorablePrimitive, maxDepth, presence, typedArrays } from './column-kinds.js';
import { damaged } from './parts.js';

/** Returns a column's value at an index; objects and arrays are new ones at each call. Keeps no other bytes of the snapshot. */
export type Column = (index: number) => unknown;

/** Reads the next column, of `count` values. Throws `snapshot_damaged`. */
export function readColumn(reader: ByteReader, count: number, depth = 0): Column {
  switch (reader.byte()) {
    case columnKind.values: {
      const values = primitivesIn(reader.block());
      if (values.length !== count) throw damaged();
      return (index) => values[index];
    }
    case columnKind.integers: {
      const { values, min } = readIntegers(reader, count);
      return (index) => values[index]! + min;
    }
    case columnKind.doubles: {
      const values = new Float64Array(reader.aligned(count, 8));
      return (index) => values[index];
    }
    case columnKind.bigints: {
      const values = new BigInt64Array(reader.aligned(count, 8));
      return (index) => values[index];
    }
    case columnKind.choices: {
      const choices = primitivesIn(reader.block());
      const indexes = new Uint8Array(reader.aligned(count, 1));
      if (indexes.some((index) => index >= choices.length)) throw damaged();
      return (index) => choices[indexes[index]!];
    }
    case columnKind.lists:
      return readLists(reader, count);
    case columnKind.typedArrays:
      return readTypedArrays(reader, count);
    case columnKind.objects:
      return readObjects(reader, count, depth);
    case columnKind.arrays:
      return readArrays(reader, count, depth);
    case columnKind.optional:
      return readOptional(reader, count, depth);
    default:
      throw damaged();
  }
}

/** The integers are `values`, each plus `min`. */
interface Integers {
  readonly values: Uint8Array | Uint16Array | Int32Array;
  readonly min: number;
}

function readIntegers(reader: ByteReader, count: number): Integers {
  const width = reader.byte();
  const min = reader.int32();
  if (width === 1) return { values: new Uint8Array(reader.aligned(count, 1)), min };
  if (width === 2) return { values: new Uint16Array(reader.aligned(count, 2)), min };
  if (width === 4) return { values: new Int32Array(reader.aligned(count, 4)), min: 0 };
  throw damaged();
}

/** Reads a column of `count` lengths. Returns the offset of each thing of such a length, then their end. */
export function readOffsets(reader: ByteReader, count: number): Uint32Array {
  if (reader.byte() !== columnKind.integers) throw damaged();
  const { values, min } = readIntegers(reader, count);
  const offsets = new Uint32Array(count + 1);
  let end = 0;
  for (let index = 0; index < count; index++) {
    const length = values[index]! + min;
    end += length;
    if (length < 0 || end > reader.rest) throw damaged(); // each takes at least a byte
    offsets[index + 1] = end;
  }
  return offsets;
}

function readLists(reader: ByteReader, count: number): Column {
  const offsets = readOffsets(reader, count);
  const numbers = new Float64Array(reader.aligned(offsets[count]!, 8));
  // V8 stores the doubles of an array unboxed if it begins as one; a slice of it too, which is the fastest way to such an
  // array of a given length.
  const doubles = [NaN];
  return (index) => {
    const start = offsets[index]!;
    const length = offsets[index + 1]! - start;
    while (doubles.length < length) doubles.push(NaN);
    const list = doubles.slice(0, length);
    for (let item = 0; item < length; item++) list[item] = numbers[start + item]!;
    return list;
  };
}

function readArrays(reader: ByteReader, count: number, depth: number): Column {
  if (depth === maxDepth) throw damaged();
  const offsets = readOffsets(reader, count);
  const total = offsets[count]!;
  const items = total === 0 ? undefined : readColumn(reader, total, depth + 1);
  // A slice has room for exactly its items, unlike an array that grows.
  const blank: unknown[] = [undefined];
  return (index) => {
    const start = offsets[index]!;
    const length = offsets[index + 1]! - start;
    while (blank.length < length) blank.push(undefined);
    const array = blank.slice(0, length);
    for (let item = 0; item < length; item++) array[item] = items!(start + item); // there if any array has items
    return array;
  };
}

function readOptional(reader: ByteReader, count: number, depth: number): Column {
  if (depth === maxDepth) throw damaged();
  const marks = new Uint8Array(reader.aligned(count, 1));
  /** The index of each present value in the column of them. */
  const ordinals = new Int32Array(count);
  let present = 0;
  for (let index = 0; index < count; index++) {
    if (marks[index]! > presence.present) throw damaged();
    if (marks[index] === presence.present) ordinals[index] = present++;
  }
  if (present === 0) throw damaged();
  const values = readColumn(reader, present, depth + 1);
  return (index) => {
    if (marks[index] === presence.present) return values(ordinals[index]!);
    return marks[index] === presence.null ? null : undefined;
  };
}

function readTypedArrays(reader: ByteReader, count: number): Column {
  const constructor = typedArrays[reader.byte()];
  if (!constructor) throw damaged();
  const offsets = readOffsets(reader, count);
  const { BYTES_PER_ELEMENT } = constructor;
  const all = reader.aligned(offsets[count]!, BYTES_PER_ELEMENT);
  return (index) =>
    new constructor(all.slice(offsets[index]! * BYTES_PER_ELEMENT, offsets[index + 1]! * BYTES_PER_ELEMENT));
}

function readObjects(reader: ByteReader, count: number, depth: number): Column {
  const keys = primitivesIn(reader.block());
  if (depth === maxDepth || keys.length === 0 || !keys.every((key) => typeof key === 'string'))
    throw damaged();
  const columns = keys.map(() => readColumn(reader, count, depth + 1));
  // V8 gives a parsed object, and its copies, room for exactly these properties, as it does for a literal: their states
  // share its hidden class, and take less memory than objects that grow.
  const template = JSON.parse(JSON.stringify(Object.fromEntries(keys.map((key) => [key, 0])))) as object;
  return (index) => {
    const object: Record<string, unknown> = { ...template };
    for (let key = 0; key < keys.length; key++) setEntry(object, keys[key]!, columns[key]!(index));
    return object;
  };
}

/** Reads an array of primitive values. Throws `snapshot_damaged` for anything else. */
function primitivesIn(bytes: Buffer): readonly unknown[] {
  let values: unknown;
  try {
    values = deserialize(bytes);
  } catch {
    throw damaged();
  }
  // A forged array can have a length far beyond its elements; each element takes at least one byte.
  if (!Array.isArray(values) || values.length > bytes.length || !values.every(isStorablePrimitive)) {
    throw damaged();
  }
  return values as readonly unknown[];
}
