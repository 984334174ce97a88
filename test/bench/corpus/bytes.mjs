import { fixed64, lengthDelimited, tag, varint } from './tags.mjs';

/** Writes protobuf by hand: pre-encoding a million points with a library would take longer than measuring them. */
export class ByteWriter {
  /** @param {number} bytes How much room to begin with. */
  constructor(bytes) {
    this.buf = Buffer.allocUnsafe(bytes);
    this.at = 0;
    /** Where the last time was written; moves along when a message around it needs a longer length. */
    this.timeAt = 0;
  }

  /** Makes sure that so many bytes fit. */
  reserve(bytes) {
    if (this.at + bytes <= this.buf.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.at + bytes));
    this.buf.copy(grown, 0, 0, this.at);
    this.buf = grown;
  }

  varint(value) {
    let rest = value;
    while (rest > 0x7f) {
      this.buf[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buf[this.at++] = rest;
  }

  varintField(number, value) {
    if (value === 0) return;
    this.varint(tag(number, varint));
    this.varint(value);
  }

  /** A time of nine bytes, as every nanosecond since 1972 takes. */
  timeField(number, time) {
    this.varint(tag(number, varint));
    this.timeAt = this.at;
    for (let byte = 0n; byte < 9n; byte++) {
      this.buf[this.at++] = Number((time >> (7n * byte)) & 0x7fn) | (byte < 8n ? 0x80 : 0);
    }
  }

  doubleField(number, value) {
    this.varint(tag(number, fixed64));
    this.at = this.buf.writeDoubleLE(value, this.at);
  }

  textField(number, text) {
    if (text === '') return;
    this.varint(tag(number, lengthDelimited));
    const size = Buffer.byteLength(text);
    this.varint(size);
    if (size > 32) this.at += this.buf.write(text, this.at);
    else for (let index = 0; index < size; index++) this.buf[this.at++] = text.charCodeAt(index); // ASCII all
  }

  messageField(number, write) {
    this.varint(tag(number, lengthDelimited));
    this.#withLength(write);
  }

  /** A request as Kapacitor frames it. */
  frame(number, write) {
    this.#withLength(() => this.messageField(number, write));
  }

  /** The length is known only afterwards: one byte is left for it, and what follows moves if it takes more. */
  #withLength(write) {
    const start = ++this.at;
    write();
    const size = this.at - start;
    const extra = size < 0x80 ? 0 : size < 0x4000 ? 1 : size < 0x20_0000 ? 2 : 3;
    if (extra > 0) {
      this.buf.copyWithin(start + extra, start, this.at);
      if (this.timeAt >= start) this.timeAt += extra;
    }
    const end = this.at + extra;
    this.at = start - 1;
    this.varint(size);
    this.at = end;
  }
}
