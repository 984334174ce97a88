import { UdfError } from '../../model/errors.js';
import type { FieldInputs, FieldValue } from '../../model/values.js';
import { checkRecord } from '../checks.js';
import { lengthSize, writeLength } from '../framing.js';
import { int64Of, isLongLike } from '../int64.js';
import { writeDouble, writeInt64 } from '../numbers.js';
import * as tags from '../tags.js';
import { nameBytes, writeText } from '../text.js';

/** Max bytes of an entry besides its key and value: three tags, three lengths. */
export const entryOverhead = 3 + 3 * 5;
export const maxInt64Bytes = 10;
export const maxBytesPerCharacter = 3;

/** Bits for the types that occur among the collected fields, so that absent ones are skipped. */
const hasDouble = 1;
const hasInt = 2;
const hasString = 4;
const hasBool = 8;

/**
 * Writes an author's fields as the four maps of a point. The object is read once, since a getter may return another
 * value the next time; its checked values are kept in arrays, which are reused for the next point.
 */
export class FieldWriter {
  count = 0;
  /** Max bytes that the fields take. */
  room = 0;
  hasEmptyName = false;
  private kinds = 0;
  private readonly keys: Uint8Array[] = [];
  private readonly values: FieldValue[] = [];

  /** Replaces the collected fields. Throws `invalid_argument` for a value that no field can hold. */
  collect(given: FieldInputs): void {
    this.clear();
    if (typeof given !== 'object' || (given as unknown) === null) checkRecord('fields', given);
    // Not `Object.keys`, which allocates an array per point.
    for (const name in given) {
      if (!Object.hasOwn(given, name)) continue;
      if (name === '0') checkRecord('fields', given); // maybe an array; checking every object costs 10 ns per point
      const value: unknown = given[name]; // in JavaScript it may be anything
      const key = nameBytes(name);
      if (key.length === 0) this.hasEmptyName = true;
      this.room += entryOverhead + key.length + maxInt64Bytes;
      if (typeof value === 'number') this.add(key, value, hasDouble);
      else if (typeof value === 'string') {
        this.room += maxBytesPerCharacter * value.length;
        this.add(key, value, hasString);
      } else if (typeof value === 'boolean') this.add(key, value, hasBool);
      else this.add(key, int64Field(name, value), hasInt);
    }
    if (this.count === 0) checkRecord('fields', given); // maybe a Map, whose entries are not properties
  }

  clear(): void {
    this.count = 0;
    this.room = 0;
    this.hasEmptyName = false;
    this.kinds = 0;
  }

  /** Adds one field. The caller ensures that a bigint is an int64. */
  put(key: Uint8Array, value: FieldValue): void {
    this.room += entryOverhead + key.length + maxInt64Bytes;
    if (typeof value === 'number') this.add(key, value, hasDouble);
    else if (typeof value === 'string') {
      this.room += maxBytesPerCharacter * value.length;
      this.add(key, value, hasString);
    } else if (typeof value === 'boolean') this.add(key, value, hasBool);
    else this.add(key, value, hasInt);
  }

  key(index: number): Uint8Array {
    return this.keys[index]!;
  }

  writeDoubles(buf: Buffer, start: number): number {
    let at = start;
    if ((this.kinds & hasDouble) === 0) return at;
    for (let index = 0; index < this.count; index++) {
      const value = this.values[index];
      if (typeof value !== 'number') continue;
      at = openEntry(buf, at, tags.doubleTag, this.key(index), 1 + 8);
      buf[at] = tags.doubleValueTag;
      at = writeDouble(buf, at + 1, value);
    }
    return at;
  }

  writeInts(buf: Buffer, start: number): number {
    let at = start;
    if ((this.kinds & hasInt) === 0) return at;
    for (let index = 0; index < this.count; index++) {
      const value = this.values[index];
      if (typeof value !== 'bigint') continue;
      // The entry's length precedes the value, so the value is encoded into a scratch buffer first.
      const size = writeInt64(int64Scratch, 0, value);
      at = openEntry(buf, at, tags.intTag, this.key(index), 1 + size);
      buf[at++] = tags.varintValueTag;
      for (let byte = 0; byte < size; byte++) buf[at++] = int64Scratch[byte]!;
    }
    return at;
  }

  writeStrings(buf: Buffer, start: number): number {
    let at = start;
    if ((this.kinds & hasString) === 0) return at;
    for (let index = 0; index < this.count; index++) {
      const value = this.values[index];
      if (typeof value === 'string') at = writeTextEntry(buf, at, tags.stringTag, this.key(index), value);
    }
    return at;
  }

  writeBools(buf: Buffer, start: number): number {
    let at = start;
    if ((this.kinds & hasBool) === 0) return at;
    for (let index = 0; index < this.count; index++) {
      const value = this.values[index];
      if (typeof value !== 'boolean') continue;
      at = openEntry(buf, at, tags.boolTag, this.key(index), 1 + 1);
      buf[at] = tags.varintValueTag;
      buf[at + 1] = value ? 1 : 0;
      at += 2;
    }
    return at;
  }

  private add(key: Uint8Array, value: FieldValue, kind: number): void {
    this.keys[this.count] = key;
    this.values[this.count++] = value;
    this.kinds |= kind;
  }
}

const int64Scratch = new Uint8Array(maxInt64Bytes);

/** Writes a map entry of two strings: https://protobuf.dev/programming-guides/encoding/#maps */
export function writeTextEntry(
  buf: Buffer,
  start: number,
  tag: number,
  key: Uint8Array,
  text: string,
): number {
  const size = Buffer.byteLength(text);
  const at = openEntry(buf, start, tag, key, 1 + lengthSize(size) + size);
  buf[at] = tags.textValueTag;
  return writeText(buf, writeLength(buf, at + 1, size), text);
}

/** Writes a map entry up to its value, which takes `valueBytes` including its tag. */
export function openEntry(
  buf: Buffer,
  start: number,
  tag: number,
  key: Uint8Array,
  valueBytes: number,
): number {
  const keyBytes = key.length;
  buf[start] = tag;
  let at = writeLength(buf, start + 1, 1 + lengthSize(keyBytes) + keyBytes + valueBytes);
  buf[at] = tags.keyTag;
  at = writeLength(buf, at + 1, keyBytes);
  for (let index = 0; index < keyBytes; index++) buf[at++] = key[index]!;
  return at;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  if (value instanceof Promise) return 'a promise (await it)';
  return Array.isArray(value) ? 'an array' : 'an object';
}

function int64Field(name: string, value: unknown): bigint {
  if (typeof value !== 'bigint' && !isLongLike(value)) {
    const got = kindOf(value);
    throw new UdfError(
      'invalid_argument',
      `field "${name}" cannot be ${got}: it takes a number, bigint, string, boolean or Long`,
    );
  }
  return int64Of(value, `field "${name}"`);
}
