/**
 * Where things are in a point's bytes.
 *
 * Field numbers 1 to 12 fit a tag of one byte and each has one wire type, so in canonical order (Kapacitor's, and any
 * generated code's) tags never decrease and all entries of a map stand together.
 */
export const timeTag = 0x08;
export const nameTag = 0x12;
export const databaseTag = 0x1a;
export const retentionPolicyTag = 0x22;
export const groupTag = 0x2a;
export const dimensionTag = 0x32;
export const tagsTag = 0x3a;
export const doubleTag = 0x42;
export const intTag = 0x4a;
export const stringTag = 0x52;
export const byNameTag = 0x58;
export const boolTag = 0x62;

/** The tags inside a map's entry: its key, and its value by wire type. */
export const keyTag = 0x0a;
export const varintValueTag = 0x10;
export const doubleValueTag = 0x11;
export const textValueTag = 0x12;

/** Where the value ended that was read last: a second result without an allocation. */
export let valueEnd = 0;

/**
 * The length of a length-delimited value at `at`; its bytes start at `valueEnd`. Past the end of `buf` it is NaN, and
 * so is everything that is added to it: one comparison at the end of a scan finds whatever leads outside.
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
  const length = readLength(buf, at);
  return valueEnd + length;
}

/** Where the varint at `at` ends; NaN if it has more than ten bytes or leads outside. */
export function skipVarint(buf: Uint8Array, at: number): number {
  for (let read = 0; read < 10; read++) {
    const byte = buf[at + read];
    if (byte === undefined) return NaN;
    if (byte < 0x80) return at + read + 1;
  }
  return NaN;
}

/**
 * Where the map entries that begin at `at` with `entryTag` end, all of them in canonical form: key, then value, then
 * nothing more. NaN if one is not.
 */
export function skipEntries(
  buf: Uint8Array,
  at: number,
  end: number,
  entryTag: number,
  valueTag: number,
): number {
  while (at < end && buf[at] === entryTag) {
    const length = readLength(buf, at + 1);
    const key = valueEnd;
    at = key + length;
    if (!(at <= end) || length < 2 || buf[key] !== keyTag) return NaN;
    const keyLength = readLength(buf, key + 1);
    const value = valueEnd + keyLength;
    if (!(value < at) || buf[value] !== valueTag) return NaN;
    let valueStop: number;
    if (valueTag === doubleValueTag) valueStop = value + 9;
    else if (valueTag === textValueTag) valueStop = skipBytes(buf, value + 1);
    else valueStop = skipVarint(buf, value + 1);
    if (valueStop !== at) return NaN;
  }
  return at;
}

/** Where the value of the entry for `key` starts (behind its tag) among the canonical entries at `at`; -1 if none. */
export function findEntry(
  buf: Uint8Array,
  at: number,
  end: number,
  entryTag: number,
  key: Uint8Array,
): number {
  const wanted = key.length;
  let found = -1;
  while (at < end && buf[at] === entryTag) {
    const length = readLength(buf, at + 1);
    const entry = valueEnd;
    at = entry + length;
    const keyLength = readLength(buf, entry + 1);
    if (keyLength !== wanted) continue;
    const start = valueEnd;
    let index = 0;
    while (index < wanted && buf[start + index] === key[index]) index++;
    if (index === wanted) found = start + wanted + 1; // no break: of equal keys the last one counts
  }
  return found;
}
