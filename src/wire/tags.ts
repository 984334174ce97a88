/**
 * The tags of the fields that are read or written without protobufjs; their numbers are those of proto/udf.proto.
 *
 * A tag precedes each field's value: `field number << 3 | wire type`, as a varint.
 * https://protobuf.dev/programming-guides/encoding/#structure
 *
 * Each tag is a constant of its own, so that code which runs per point compares it without loading a property.
 */
const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;

type WireType = typeof varint | typeof fixed64 | typeof lengthDelimited;

function tag(fieldNumber: number, wireType: WireType): number {
  return (fieldNumber << 3) | wireType;
}

// Request and Response: the member of the oneof, which is the first byte of a payload.
export const infoTag: number = tag(1, lengthDelimited);
export const initTag: number = tag(2, lengthDelimited);
export const keepaliveTag: number = tag(3, lengthDelimited);
export const snapshotTag: number = tag(4, lengthDelimited);
export const restoreTag: number = tag(5, lengthDelimited);

export const errorTag: number = tag(6, lengthDelimited);

// Field numbers from 16 on do not fit one byte: these tags are varints of two.
const pointMember = tag(17, lengthDelimited);
export const pointTag0: number = (pointMember & 0x7f) | 0x80;
export const pointTag1: number = pointMember >>> 7;
export const beginTag0: number = (tag(16, lengthDelimited) & 0x7f) | 0x80;
export const endTag0: number = (tag(18, lengthDelimited) & 0x7f) | 0x80;

// SnapshotResponse.
export const snapshotBytesTag: number = tag(1, lengthDelimited);

// Point. Its field numbers fit a tag of one byte.
export const timeTag: number = tag(1, varint);
export const nameTag: number = tag(2, lengthDelimited);
export const databaseTag: number = tag(3, lengthDelimited);
export const retentionPolicyTag: number = tag(4, lengthDelimited);
export const groupTag: number = tag(5, lengthDelimited);
export const dimensionTag: number = tag(6, lengthDelimited);
export const tagsTag: number = tag(7, lengthDelimited);
export const doubleTag: number = tag(8, lengthDelimited);
export const intTag: number = tag(9, lengthDelimited);
export const stringTag: number = tag(10, lengthDelimited);
export const byNameTag: number = tag(11, varint);
export const boolTag: number = tag(12, lengthDelimited);

// A map is a repeated message of a key (1) and a value (2). https://protobuf.dev/programming-guides/encoding/#maps
export const keyTag: number = tag(1, lengthDelimited);
export const varintValueTag: number = tag(2, varint);
export const doubleValueTag: number = tag(2, fixed64);
export const textValueTag: number = tag(2, lengthDelimited);
