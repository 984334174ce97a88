import { deserialize } from 'node:v8';
import { setEntry } from '../../model/values.js';
import type { ByteReader } from './bytes.js';
import { columnKind, isStorablePrimitive, maxDepth, typedArrays } from './column-kinds.js';
import { damaged } from './parts.js';

/** Returns a column's values in order, one at each call. */
export type ColumnReader = () => unknown;

/** Reads the next column, of `count` values. Throws `snapshot_damaged`. */
export function readColumn(reader: ByteReader, count: number, depth = 0): ColumnReader {
  switch (reader.byte()) {
    case columnKind.values: {
      const values = primitivesIn(reader.block());
      if (values.length !== count) throw damaged();
      let index = 0;
      return () => values[index++];
    }
    case columnKind.integers:
      return readIntegers(reader, count);
    case columnKind.doubles: {
      const values = new Float64Array(reader.aligned(count, 8));
      let index = 0;
      return () => values[index++];
    }
    case columnKind.bigints: {
      const values = new BigInt64Array(reader.aligned(count, 8));
      let index = 0;
      return () => values[index++];
    }
    case columnKind.choices: {
      const choices = primitivesIn(reader.block());
      const indexes = reader.view(count);
      if (indexes.some((index) => index >= choices.length)) throw damaged();
      let index = 0;
      return () => choices[indexes[index++]!];
    }
    case columnKind.lists:
      return readLists(reader, count);
    case columnKind.typedArrays:
      return readTypedArrays(reader, count);
    case columnKind.objects:
      return readObjects(reader, count, depth);
    default:
      throw damaged();
  }
}

/** Reads the next column, which must be of integers. */
export function readIntegerColumn(reader: ByteReader, count: number): () => number {
  if (reader.byte() !== columnKind.integers) throw damaged();
  return readIntegers(reader, count);
}

function readIntegers(reader: ByteReader, count: number): () => number {
  const width = reader.byte();
  const min = reader.int32();
  const { bytes } = reader;
  let at = reader.skip(count * width);
  if (width === 1) return () => bytes[at++]! + min;
  if (width === 2) return () => bytes.readUInt16LE((at += 2) - 2) + min;
  if (width === 4) return () => bytes.readInt32LE((at += 4) - 4);
  throw damaged();
}

/** The lengths of `count` arrays, and their sum. */
function readLengths(
  reader: ByteReader,
  count: number,
): { readonly lengths: readonly number[]; readonly sum: number } {
  const next = readIntegerColumn(reader, count);
  const lengths: number[] = [];
  let sum = 0;
  for (let index = 0; index < count; index++) {
    const length = next();
    if (length < 0) throw damaged();
    lengths.push(length);
    sum += length;
  }
  return { lengths, sum };
}

function readLists(reader: ByteReader, count: number): ColumnReader {
  const { lengths, sum } = readLengths(reader, count);
  // Begins with a double, so that V8 stores unboxed doubles, also in the slices, which it copies as a block.
  const numbers = [NaN];
  for (const number of new Float64Array(reader.aligned(sum, 8))) numbers.push(number);
  let at = 1;
  let index = 0;
  return () => {
    const start = at;
    at += lengths[index++]!;
    return numbers.slice(start, at);
  };
}

function readTypedArrays(reader: ByteReader, count: number): ColumnReader {
  const constructor = typedArrays[reader.byte()];
  if (!constructor) throw damaged();
  const { lengths, sum } = readLengths(reader, count);
  const { BYTES_PER_ELEMENT } = constructor;
  const all = reader.aligned(sum, BYTES_PER_ELEMENT);
  let at = 0;
  let index = 0;
  return () => {
    const end = at + lengths[index++]! * BYTES_PER_ELEMENT;
    const array = new constructor(all.slice(at, end));
    at = end;
    return array;
  };
}

function readObjects(reader: ByteReader, count: number, depth: number): ColumnReader {
  const keys = primitivesIn(reader.block());
  if (depth === maxDepth || keys.length === 0 || !keys.every((key) => typeof key === 'string'))
    throw damaged();
  const properties = keys.map((key) => [key, readColumn(reader, count, depth + 1)] as const);
  // V8 gives a parsed object, and its copies, room for exactly these properties, as it does for a literal: their states
  // share its hidden class, and take less memory than objects that grow.
  const template = JSON.parse(JSON.stringify(Object.fromEntries(keys.map((key) => [key, 0])))) as object;
  return () => {
    const object: Record<string, unknown> = { ...template };
    for (const [key, next] of properties) setEntry(object, key, next());
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
