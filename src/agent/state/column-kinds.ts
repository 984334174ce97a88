/**
 * The values of one property in many states, as a column: a kind, then the values in the encoding of that kind. Most states
 * hold numbers, lists of numbers and few different texts, which take a fraction of the time and bytes of V8's serializer.
 *
 * Each value takes at least one byte in each column that is not of objects, so that a forged part cannot claim more values
 * than it has bytes.
 */
export const columnKind = {
  /** Primitive values, by V8's serializer. */
  values: 0,
  integers: 1,
  doubles: 2,
  bigints: 3,
  /** At most 256 different primitive values: these, then the index of each. */
  choices: 4,
  /** Arrays of numbers: their lengths, then the numbers. */
  lists: 5,
  /** Typed arrays of one type, which have their buffers to themselves. */
  typedArrays: 6,
  /** Plain objects with equal properties: the names of these, then a column of each. */
  objects: 7,
  /** From format 4: arrays of anything that fits one column: their lengths, then a column of all their items, unless there are none. */
  arrays: 8,
  /** From format 4: objects or arrays, some of which are `undefined` or `null`: a byte for each value, then a column of the others. */
  optional: 9,
} as const;

/** The bytes of an `optional` column. */
export const presence = { undefined: 0, null: 1, present: 2 } as const;

/** Max nesting of objects and arrays. It bounds the time for forged columns, in which objects of objects take no bytes. */
export const maxDepth = 8;

export const typedArrays = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

export type TypedArray = InstanceType<(typeof typedArrays)[number]>;

/** Whether a value is one that V8's serializer keeps and that holds no others. */
export function isStorablePrimitive(value: unknown): boolean {
  const type = typeof value;
  return value === null || (type !== 'object' && type !== 'function' && type !== 'symbol');
}
