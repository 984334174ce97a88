/** Protobuf's wire types. */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

/** An integer of up to 64 bits as a varint, padded to at least `minBytes` bytes, which is odd but valid. */
export function varint(value: bigint | number, minBytes = 1): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn || bytes.length + 1 < minBytes) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

/** A field's number and wire type. */
export function tag(number: number, type: number, minBytes = 1): Buffer {
  return varint(number * 8 + type, minBytes);
}

export function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

/** Bytes with their length before them. */
export function delimited(bytes: Uint8Array, minBytes = 1): Buffer {
  return Buffer.concat([varint(bytes.length, minBytes), bytes]);
}

/** A text or message field. */
export function bytesField(number: number, bytes: Uint8Array | string): Buffer {
  return Buffer.concat([tag(number, wireType.bytes), delimited(Buffer.from(bytes))]);
}

export function varintField(number: number, value: bigint | number): Buffer {
  return Buffer.concat([tag(number, wireType.varint), varint(value)]);
}

/** A map's entry, key first. */
export function entry(number: number, key: string, value: Buffer): Buffer {
  return bytesField(number, Buffer.concat([bytesField(1, key), value]));
}

/** A Point message as a frame, between unrelated bytes. */
export function pointFrame(
  body: Uint8Array,
  before = Buffer.alloc(0),
  after = Buffer.alloc(0),
): { buf: Buffer; frame: number; payload: number; end: number } {
  const payload = bytesField(17, body);
  const prefix = varint(payload.length);
  const frame = before.length;
  const end = frame + prefix.length + payload.length;
  return { buf: Buffer.concat([before, prefix, payload, after]), frame, payload: frame + prefix.length, end };
}
