import { lengthSize, writeLength } from '../framing.js';
import { writeDouble, writeInt64, writeSafeInteger } from '../numbers.js';
import * as tags from '../tags.js';
import {
  entryOverhead,
  maxBytesPerCharacter,
  maxInt64Bytes,
  openEntry,
  writeTextEntry,
} from './field-writer.js';

/** Fields as a parser finds them in a buffer, in arrays that it reuses for the next point. */
export interface ScannedFields {
  readonly count: number;
  /** The names as UTF-8. */
  readonly keys: readonly Uint8Array[];
  /**
   * 1: a double, in `numbers`; 2: an integer within ±2^53, in `numbers`; 3: any int64, in `others`; 4: a text, whose UTF-8
   * bytes are `buf[starts..ends)`; 5: a text, in `others`; 6: a boolean, 0 or 1 in `numbers`.
   */
  readonly kinds: Uint8Array;
  readonly numbers: Float64Array;
  readonly others: readonly (bigint | string)[];
  readonly buf: Buffer;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

// V8 inlines a module's own constants; an imported one is loaded and checked at each use.
const double = 1;
const int = 2;
const wideInt = 3;
const text = 4;
const unescapedText = 5;
const bool = 6;
const { doubleTag, intTag, stringTag, boolTag, doubleValueTag, varintValueTag, textValueTag } = tags;

/** Max bytes that the fields take. */
export function scannedRoom({ count, keys, kinds, starts, ends, others }: ScannedFields): number {
  let room = 0;
  for (let index = 0; index < count; index++) {
    room += entryOverhead + maxInt64Bytes + keys[index]!.length;
    const kind = kinds[index];
    if (kind === text) room += ends[index]! - starts[index]!;
    else if (kind === unescapedText) room += maxBytesPerCharacter * (others[index] as string).length; // as its kind says
  }
  return room;
}

/** Writes the maps of doubles, integers and texts, and returns where they end. */
export function writeScannedMaps(buf: Buffer, start: number, fields: ScannedFields): number {
  const { count, kinds } = fields;
  let at = start;
  let kindsLeft = 0;
  for (let index = 0; index < count; index++) {
    const kind = kinds[index]!;
    if (kind === double) at = writeDoubleEntry(buf, at, fields, index);
    else kindsLeft |= 1 << kind;
  }
  if ((kindsLeft & ((1 << int) | (1 << wideInt))) !== 0) {
    for (let index = 0; index < count; index++) {
      const kind = kinds[index];
      if (kind === int || kind === wideInt) at = writeIntEntry(buf, at, fields, index);
    }
  }
  if ((kindsLeft & ((1 << text) | (1 << unescapedText))) !== 0) {
    for (let index = 0; index < count; index++) {
      const kind = kinds[index];
      if (kind === text) at = copyTextEntry(buf, at, fields, index);
      else if (kind === unescapedText) {
        at = writeTextEntry(buf, at, stringTag, fields.keys[index]!, fields.others[index] as string); // as its kind says
      }
    }
  }
  return at;
}

/** Writes the map of booleans, which stands behind `byName`. */
export function writeScannedBools(
  buf: Buffer,
  start: number,
  { count, kinds, keys, numbers }: ScannedFields,
): number {
  let at = start;
  for (let index = 0; index < count; index++) {
    if (kinds[index] !== bool) continue;
    at = openEntry(buf, at, boolTag, keys[index]!, 1 + 1);
    buf[at] = varintValueTag;
    buf[at + 1] = numbers[index]!;
    at += 2;
  }
  return at;
}

function writeDoubleEntry(
  buf: Buffer,
  start: number,
  { keys, numbers }: ScannedFields,
  index: number,
): number {
  const at = openEntry(buf, start, doubleTag, keys[index]!, 1 + 8);
  buf[at] = doubleValueTag;
  return writeDouble(buf, at + 1, numbers[index]!);
}

const scratch = new Uint8Array(maxInt64Bytes);

function writeIntEntry(buf: Buffer, start: number, fields: ScannedFields, index: number): number {
  // The entry's length precedes the value, so the value is encoded into a scratch buffer first.
  const size =
    fields.kinds[index] === int
      ? writeSafeInteger(scratch, 0, fields.numbers[index]!)
      : writeInt64(scratch, 0, fields.others[index] as bigint); // as its kind says
  let at = openEntry(buf, start, intTag, fields.keys[index]!, 1 + size);
  buf[at++] = varintValueTag;
  for (let byte = 0; byte < size; byte++) buf[at++] = scratch[byte]!;
  return at;
}

/** Up to this length a loop is faster than the native copy. */
const maxLoopBytes = 48;

function copyTextEntry(buf: Buffer, start: number, fields: ScannedFields, index: number): number {
  const { buf: source, keys, starts, ends } = fields;
  const from = starts[index]!;
  const end = ends[index]!;
  const size = end - from;
  let at = openEntry(buf, start, stringTag, keys[index]!, 1 + lengthSize(size) + size);
  buf[at] = textValueTag;
  at = writeLength(buf, at + 1, size);
  if (size > maxLoopBytes) return at + source.copy(buf, at, from, end);
  for (let byte = from; byte < end; byte++) buf[at++] = source[byte]!;
  return at;
}
