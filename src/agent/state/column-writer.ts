import { serialize } from 'node:v8';
import type { ByteWriter } from './bytes.js';
import {
  columnKind,
  isStorablePrimitive,
  maxDepth,
  presence,
  type TypedArray,
  typedArrays,
} from './column-kinds.js';

/**
 * Encodes columns. Objects that occur twice, in properties or groups, do not fit: columns would lose the sharing. After a
 * column that does not fit, what was written is of no use.
 */
export class ColumnWriter {
  readonly #writer: ByteWriter;
  /** The objects and buffers in the columns so far. */
  readonly #seen = new Set<unknown>();
  #needsFormat4 = false;

  constructor(writer: ByteWriter) {
    this.#writer = writer;
  }

  /** Whether a column is of a kind that older formats do not have. */
  get needsFormat4(): boolean {
    return this.#needsFormat4;
  }

  /** Writes a column; `false` if the values do not fit one columnKind. There must be values. */
  write(values: readonly unknown[], depth = 0): boolean {
    const [first] = values;
    if (typeof first === 'object' && first !== null) {
      if (values.some(isAbsent)) return this.#optional(values, depth);
      if (Array.isArray(first)) return this.#arrays(values, depth);
      return ArrayBuffer.isView(first) ? this.#typedArrays(values) : this.objects(values, depth);
    }
    if (isAbsent(first) && values.some(isObject)) return this.#optional(values, depth);
    if (typeof first === 'number' && values.every(isNumber)) {
      this.#numbers(values);
      return true;
    }
    if (typeof first === 'bigint' && values.every(isInt64)) {
      this.#writer.byte(columnKind.bigints);
      this.#writer.bigints(values);
      return true;
    }
    // Functions and symbols do not fit: the error that refuses them comes from serializing the states as rows.
    if (!values.every(isStorablePrimitive)) return false;
    this.#primitives(values);
    return true;
  }

  /** Writes a column of objects; `false` if they are not plain objects with the same properties in the same order. */
  objects(values: readonly unknown[], depth = 0): boolean {
    const [first] = values;
    if (depth === maxDepth || !isPlainObject(first)) return false;
    const keys = Object.keys(first);
    if (keys.length === 0) return false; // an object would take no byte
    for (const value of values) {
      if (!isPlainObject(value) || !hasKeys(value, keys) || !this.#isNew(value)) return false;
    }
    this.#writer.byte(columnKind.objects);
    this.#writer.block(serialize(keys));
    const properties = new Array<unknown>(values.length);
    for (const key of keys) {
      for (let index = 0; index < values.length; index++) {
        properties[index] = (values[index] as Readonly<Record<string, unknown>>)[key]; // checked above
      }
      if (!this.write(properties, depth + 1)) return false;
    }
    return true;
  }

  /** Writes a column of whole numbers. */
  integers(values: readonly number[]): void {
    let min = values[0]!;
    let max = min;
    for (const value of values) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
    const width = max - min <= 0xff ? 1 : max - min <= 0xffff ? 2 : 4;
    this.#writer.byte(columnKind.integers);
    this.#writer.byte(width);
    this.#writer.int32(min);
    this.#writer.integers(values, min, width);
  }

  #numbers(values: readonly number[]): void {
    if (values.every(isInt32)) {
      this.integers(values);
    } else {
      this.#writer.byte(columnKind.doubles);
      this.#writer.doubles(values);
    }
  }

  #optional(values: readonly unknown[], depth: number): boolean {
    this.#startOfFormat4(columnKind.optional);
    const present = values.filter((value) => !isAbsent(value));
    const marks = values.map((value) =>
      value === undefined ? presence.undefined : value === null ? presence.null : presence.present,
    );
    this.#writer.integers(marks, 0, 1);
    return depth < maxDepth && this.write(present, depth + 1);
  }

  #arrays(values: readonly unknown[], depth: number): boolean {
    const lengths: number[] = [];
    let areOfNumbers = true;
    for (let index = 0; index < values.length; index++) {
      const array = values[index];
      // Named properties are looked for in the first array only: listing the keys of each would double the time.
      if (!isDenseArray(array, index === 0) || !this.#isNew(array)) return false;
      areOfNumbers &&= array.every(isNumber);
      lengths.push(array.length);
    }
    const arrays = values as readonly (readonly unknown[])[]; // checked above
    if (areOfNumbers) {
      this.#writer.byte(columnKind.lists);
      this.integers(lengths);
      for (const list of arrays) this.#writer.doubles(list as readonly number[]); // checked above
      return true;
    }
    if (depth === maxDepth) return false;
    this.#startOfFormat4(columnKind.arrays);
    this.integers(lengths);
    const items = arrays.flat();
    return items.length === 0 || this.write(items, depth + 1);
  }

  /** Starts a column of a kind that older formats do not have. */
  #startOfFormat4(kind: number): void {
    this.#needsFormat4 = true;
    this.#writer.byte(kind);
  }

  #typedArrays(values: readonly unknown[]): boolean {
    const type = typedArrays.findIndex(({ prototype }) => isTypedArray(values[0], prototype));
    const prototype = typedArrays[type]?.prototype;
    const lengths: number[] = [];
    for (const value of values) {
      if (!prototype || !isTypedArray(value, prototype) || !this.#isNew(value.buffer)) return false;
      lengths.push(value.length);
    }
    this.#writer.byte(columnKind.typedArrays);
    this.#writer.byte(type);
    this.integers(lengths);
    for (const { buffer, BYTES_PER_ELEMENT } of values as readonly TypedArray[]) {
      this.#writer.raw(new Uint8Array(buffer), BYTES_PER_ELEMENT);
    }
    return true;
  }

  #primitives(values: readonly unknown[]): void {
    const choices = new Map<unknown, number>();
    const indexes: number[] = [];
    for (const value of values) {
      let index = choices.get(value);
      if (index === undefined) choices.set(value, (index = choices.size));
      indexes.push(index);
      // A map takes -0 for 0.
      if (Object.is(value, -0) || choices.size > 256) break;
    }
    if (indexes.length === values.length && 2 * choices.size <= values.length) {
      this.#writer.byte(columnKind.choices);
      this.#writer.block(serialize([...choices.keys()]));
      this.#writer.integers(indexes, 0, 1);
    } else {
      this.#writer.byte(columnKind.values);
      // `Array.from`: V8 would write each index of an array that it has marked as one with holes.
      this.#writer.block(serialize(Array.from(values)));
    }
  }

  #isNew(object: object): boolean {
    const { size } = this.#seen;
    return this.#seen.add(object).size > size;
  }
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Whether an object has exactly these properties in this order. A UDF may rely on the order. */
function hasKeys(object: object, keys: readonly string[]): boolean {
  let index = 0;
  for (const key in object) if (key !== keys[index++]) return false;
  return index === keys.length;
}

/** Whether a value is an array without holes. */
function isDenseArray(value: unknown, checksNames: boolean): value is readonly unknown[] {
  if (!Array.isArray(value) || Object.getPrototypeOf(value) !== Array.prototype) return false;
  if (checksNames && Object.keys(value).length !== value.length) return false;
  for (let index = 0; index < value.length; index++) {
    if (value[index] === undefined && !Object.hasOwn(value, index)) return false;
  }
  return true;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** Whether a value is a typed array of this very type, and uses all of an ordinary buffer. */
function isTypedArray(
  value: unknown,
  prototype: object,
): value is TypedArray & { readonly buffer: ArrayBuffer } {
  if (!ArrayBuffer.isView(value) || Object.getPrototypeOf(value) !== prototype) return false;
  const { buffer, byteLength } = value;
  // Not in the types of this language version: a buffer that can grow.
  const { resizable } = buffer as { readonly resizable?: boolean };
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && resizable !== true;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isInt32(value: number): boolean {
  return Object.is(value | 0, value);
}

function isInt64(value: unknown): value is bigint {
  return typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
}
