/**
 * The tags that the load generator and the yardstick read: they know the protocol by themselves, so that they neither
 * need a build nor change with the build that they measure.
 * https://protobuf.dev/programming-guides/encoding/#structure
 */
export const varint = 0;
export const fixed64 = 1;
export const lengthDelimited = 2;

export function tag(fieldNumber, wireType) {
  return fieldNumber * 8 + wireType;
}

/** A payload's first byte: of a tag from field number 16 on, which takes two bytes, the lower seven bits. */
function firstByte(fieldNumber) {
  const member = tag(fieldNumber, lengthDelimited);
  return member < 0x80 ? member : (member & 0x7f) | 0x80;
}

export const infoByte = firstByte(1);
export const initByte = firstByte(2);
export const keepaliveByte = firstByte(3);
export const snapshotByte = firstByte(4);
export const restoreByte = firstByte(5);
export const beginByte = firstByte(16);
export const pointByte = firstByte(17);
export const endByte = firstByte(18);
