import * as tags from '../tags.js';

/**
 * Finds values in the bytes of a Point message.
 *
 * Field numbers 1 to 12 fit a tag of one byte, and each has one wire type. In canonical order (which Kapacitor and all
 * generated code write) tags never decrease, so all entries of a map are adjacent. A map is a repeated message of a key
 * and a value: https://protobuf.dev/programming-guides/encoding/#maps
 */

// V8 inlines a module's own constants; an imported one is loaded and checked at each use.
const { keyTag, doubleValueTag, textValueTag } = tags;

/** Second result of `readLength` and `entryValue`. A module variable, because an object would cost an allocation. */
export let valueEnd = 0;

/**
 * The length of the length-delimited value at `at`; `valueEnd` is then where its bytes start. Beyond the end of `buf`
 * the length is NaN, and so is every offset computed from it: one comparison at the end of a scan detects any overrun.
 */
export function readLength(buf: Uint8Array, at: number): number {
  const first = buf[at]!;
  valueEnd = at + 1;
  return first < 0x80 ? first : readLongLength(buf, at);
}

function readLongLength(buf: Uint8Array, at: number): number {
  let length = 0;
  let scale = 1;
  for (let read = 0; read < 5; read++) {
    const byte = buf[at + read];
    if (byte === undefined) return NaN;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      valueEnd = at + read + 1;
      return length;
    }
    scale *= 0x80;
  }
  return NaN;
}

/** Where the length-delimited value at `at` ends. */
export function skipBytes(buf: Uint8Array, at: number): number {
  const first = buf[at]!;
  if (first < 0x80) return at + 1 + first;
  const length = readLongLength(buf, at);
  return valueEnd + length;
}

/** Where the varint at `at` ends; NaN if it has more than ten bytes or is cut off. */
export function skipVarint(buf: Uint8Array, at: number): number {
  for (let read = 0; read < 10; read++) {
    const byte = buf[at + read];
    if (byte === undefined) return NaN;
    if (byte < 0x80) return at + read + 1;
  }
  return NaN;
}

/** Where the run of map entries with `entryTag` at `at` ends. Their contents are not checked. */
export function skipEntries(buf: Uint8Array, at: number, end: number, entryTag: number): number {
  while (at < end && buf[at] === entryTag) at = skipBytes(buf, at + 1);
  return at;
}

/** Result of a search that found nothing. */
export const absent = -1;
/** Result of a search that met an entry which is not in canonical form. */
export const irregular = -2;

/**
 * Where the value starts (behind its tag) in the map entry `buf[entry..end)` whose length stands at `entry + 1`, if the
 * entry is in canonical form: key, then a value with `valueTag`, then nothing more. `irregular` if it is not.
 * `valueEnd` is then where its key starts.
 */
export function entryValue(buf: Uint8Array, entry: number, end: number, valueTag: number): number {
  let key = entry + 2;
  if (buf[entry + 1]! > 0x7f) {
    readLongLength(buf, entry + 1);
    key = valueEnd;
  }
  if (buf[key] !== keyTag) return irregular;
  const keyLength = readLength(buf, key + 1);
  const keyStart = valueEnd;
  const value = keyStart + keyLength + 1;
  if (!(value < end) || buf[value - 1] !== valueTag) return irregular;
  const stop = valueStop(buf, value, valueTag);
  valueEnd = keyStart;
  return stop === end ? value : irregular;
}

/** Where the value at `at` with this tag ends. */
function valueStop(buf: Uint8Array, at: number, valueTag: number): number {
  if (valueTag === doubleValueTag) return at + 8;
  return valueTag === textValueTag ? skipBytes(buf, at) : skipVarint(buf, at);
}

/** Whether the map entries in `buf[at..end)` are all in canonical form. */
export function areCanonical(buf: Uint8Array, at: number, end: number, valueTag: number): boolean {
  while (at < end) {
    const next = skipBytes(buf, at + 1);
    if (entryValue(buf, at, next, valueTag) === irregular) return false;
    at = next;
  }
  return true;
}

/**
 * Where the value of the entry for `key` starts (behind its tag) among the entries in `buf[at..end)`; `absent` if there
 * is none, `irregular` if one of them is not in canonical form.
 */
export function findEntry(
  buf: Uint8Array,
  at: number,
  end: number,
  valueTag: number,
  key: Uint8Array,
): number {
  const wanted = key.length;
  let found = absent;
  while (at < end) {
    // Inlined for lengths of one byte, which nearly all entries have; `entryValue` takes about twice as long.
    const size = buf[at + 1]!;
    const keyLength = buf[at + 3]!;
    let next = at + 2 + size;
    let value = at + 5 + keyLength;
    let start = at + 4;
    const isShort =
      size < 0x80 &&
      keyLength < 0x80 &&
      value < next &&
      buf[at + 2] === keyTag &&
      buf[value - 1] === valueTag &&
      valueStop(buf, value, valueTag) === next;
    if (!isShort) {
      next = skipBytes(buf, at + 1);
      value = entryValue(buf, at, next, valueTag);
      if (value === irregular) return irregular;
      start = valueEnd;
    }
    // No break: of equal keys the last one counts, as protobuf defines.
    if (value - start === wanted + 1 && equalBytes(buf, start, key)) found = value;
    at = next;
  }
  return found;
}

/** Whether the entry at `entry`, which is in canonical form, has this key. */
export function hasKey(buf: Uint8Array, entry: number, key: Uint8Array): boolean {
  readLength(buf, entry + 1);
  return readLength(buf, valueEnd + 1) === key.length && equalBytes(buf, valueEnd, key);
}

function equalBytes(buf: Uint8Array, start: number, bytes: Uint8Array): boolean {
  const { length } = bytes;
  let index = 0;
  while (index < length && buf[start + index] === bytes[index]) index++;
  return index === length;
}
