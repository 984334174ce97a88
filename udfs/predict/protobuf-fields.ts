/** A field of a protobuf message: a number, or the range of its bytes. */
export interface ProtobufField {
  readonly number: number;
  /** Of a varint, as a signed 64-bit integer that a double may round; `undefined` for other fields. */
  readonly value: number | undefined;
  /** Of a length-delimited field: a string, bytes, a message or packed numbers. */
  readonly bytes: Uint8Array | undefined;
}

/** The bytes are no protobuf message. */
export class NotProtobufError extends Error {
  override readonly name = 'NotProtobufError';
}

/** Reads the fields of a message in their order, copying nothing. Throws `NotProtobufError`. */
export function* protobufFields(message: Uint8Array): Generator<ProtobufField> {
  const reader = new VarintReader(message);
  while (reader.at < message.length) {
    const tag = reader.unsigned();
    const number = Math.floor(tag / 8);
    if (number === 0) throw new NotProtobufError('a field has the number 0');
    switch (tag % 8) {
      case 0:
        yield { number, value: reader.signed(), bytes: undefined };
        break;
      case 1:
        yield { number, value: undefined, bytes: undefined };
        reader.skip(8);
        break;
      case 2:
        yield { number, value: undefined, bytes: reader.skip(reader.unsigned()) };
        break;
      case 5:
        yield { number, value: undefined, bytes: undefined };
        reader.skip(4);
        break;
      default:
        throw new NotProtobufError(`a field has the wire type ${tag % 8}`);
    }
  }
}

/** The integers of a repeated field, packed or not. Throws `NotProtobufError`. */
export function* integersOf({ value, bytes }: ProtobufField): Generator<number> {
  if (value !== undefined) yield value;
  if (!bytes) return;
  const reader = new VarintReader(bytes);
  while (reader.at < bytes.length) yield reader.signed();
}

class VarintReader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  unsigned(): number {
    return Number(this.#varint());
  }

  signed(): number {
    return Number(BigInt.asIntN(64, this.#varint()));
  }

  /** The next bytes, which are skipped. */
  skip(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new NotProtobufError('a field ends behind its message');
    const skipped = this.#bytes.subarray(this.at, end);
    this.at = end;
    return skipped;
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw new NotProtobufError('a number ends behind its message');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new NotProtobufError('a number has more than 64 bits');
  }
}
