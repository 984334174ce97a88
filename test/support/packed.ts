/** Encodes a value as MessagePack: bigints as integers, numbers as doubles. */
export function pack(value: unknown): Buffer {
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === 'bigint') {
    const bytes = Buffer.alloc(9);
    bytes[0] = value < 2n ** 63n ? 0xd3 : 0xcf;
    if (value < 2n ** 63n) bytes.writeBigInt64BE(value, 1);
    else bytes.writeBigUInt64BE(value, 1);
    return bytes;
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9);
    bytes[0] = 0xcb;
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === 'string')
    return Buffer.concat([head(0xdb, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Array.isArray(value)) return Buffer.concat([head(0xdd, value.length), ...value.map(pack)]);
  const entries = Object.entries(value as object);
  return Buffer.concat([head(0xdf, entries.length), ...entries.flat().map(pack)]);
}

function head(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = type;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}
