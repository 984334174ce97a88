import { beginByte, endByte, pointByte } from '../corpus/tags.mjs';

/**
 * Counts the data messages of a stream by skipping from length to length, and hands out the rare control messages.
 * The generator must not be what is measured, so that is all that is done to a point.
 */
export class FrameCounter {
  points = 0;
  batches = 0;
  bytes = 0;
  #onControl;
  /** Bytes of the current frame that have not come yet. */
  #missing = 0;
  /** The pieces of a control message; undefined while a data message is skipped. */
  #control;
  /** The start of a frame whose length and kind have not all come. */
  #head = Buffer.alloc(0);

  /** @param {(payload: Buffer) => void} onControl */
  constructor(onControl) {
    this.#onControl = onControl;
  }

  /** Takes `buf[0..length)`, which may change afterwards. */
  push(buf, length) {
    this.bytes += length;
    let at = this.#missing > 0 ? this.#rest(buf, 0, length) : 0;
    if (this.#head.length > 0 && at < length) at = this.#finishHead(buf, at, length);
    while (at < length) {
      let payload = at + 1;
      let size = buf[at];
      if (size > 0x7f) {
        const second = buf[at + 1];
        if (payload < length && second < 0x80) {
          size = (size & 0x7f) | (second << 7);
          payload++;
        } else {
          [size, payload] = readLength(buf, at, length);
        }
      }
      if (payload >= length) {
        this.#head = Buffer.from(buf.subarray(at, length));
        return;
      }
      at = this.#frame(buf, payload, size, length);
    }
  }

  /** A frame of which at least the first byte of the payload is here. Returns where to go on. */
  #frame(buf, payload, size, length) {
    const kind = buf[payload];
    if (kind === pointByte) this.points++;
    else if (kind === endByte) this.batches++;
    else if (kind !== beginByte) this.#control = [];
    const end = payload + size;
    if (end <= length && this.#control === undefined) return end;
    this.#missing = size;
    return this.#rest(buf, payload, length);
  }

  #rest(buf, at, length) {
    const here = Math.min(this.#missing, length - at);
    this.#missing -= here;
    if (this.#control !== undefined) {
      this.#control.push(Buffer.from(buf.subarray(at, at + here)));
      if (this.#missing === 0) {
        const payload = Buffer.concat(this.#control);
        this.#control = undefined;
        this.#onControl(payload);
      }
    }
    return at + here;
  }

  #finishHead(buf, start, length) {
    let at = start;
    while (at < length) {
      this.#head = Buffer.concat([this.#head, buf.subarray(at, ++at)]);
      const [size, payload] = readLength(this.#head, 0, this.#head.length);
      if (payload >= this.#head.length) continue;
      this.#head = Buffer.alloc(0);
      return this.#frame(buf, at - 1, size, length); // the byte just taken is the payload's first
    }
    return at;
  }
}

/** A length and where it ends; past the end if it has not all come. */
function readLength(buf, start, length) {
  let size = 0;
  let scale = 1;
  for (let at = start; at < length; at++) {
    size += (buf[at] & 0x7f) * scale;
    if (buf[at] < 0x80) return [size, at + 1];
    scale *= 0x80;
  }
  return [0, length];
}
