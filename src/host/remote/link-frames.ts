import { UdfError } from '../../model/errors.js';

/** What a frame of a link is: its first byte. */
export const FrameKind = {
  /** Bytes of a worker's input or output. */
  data: 1,
  /** A message beside them. */
  control: 2,
  /** Up to which position frames were taken. */
  ack: 3,
  /** A sign of life. */
  ping: 4,
  /** The session is over. */
  bye: 5,
} as const;

/** The kind, and the number of bytes that follow as four bytes, the lowest first. */
export const frameHeadBytes = 5;

/** Max bytes of a data frame. */
export const maxDataBytes = 64 * 1024;

const ackBytes = 8;

export function frameHead(kind: number, size: number): Buffer {
  const head = Buffer.allocUnsafe(frameHeadBytes);
  head[0] = kind;
  head.writeUInt32LE(size, 1);
  return head;
}

export function encodeAckFrame(position: number): Buffer {
  const frame = Buffer.allocUnsafe(frameHeadBytes + ackBytes);
  frame[0] = FrameKind.ack;
  frame.writeUInt32LE(ackBytes, 1);
  frame.writeDoubleLE(position, frameHeadBytes);
  return frame;
}

/** Called with each frame. */
export type LinkFrameListener = (kind: number, payload: Buffer) => void;

/** Splits the bytes of a link into frames, however they are cut. Sizes are checked before memory is taken. */
export class LinkFrameReader {
  readonly #maxControlBytes: number;
  readonly #listener: LinkFrameListener;
  readonly #head = Buffer.alloc(frameHeadBytes);
  #headLength = 0;
  /** The payload that has come in part. */
  #payload: Buffer | undefined;
  #payloadLength = 0;

  constructor(maxControlBytes: number, listener: LinkFrameListener) {
    this.#maxControlBytes = maxControlBytes;
    this.#listener = listener;
  }

  /** Reads bytes. Throws `malformed` for an unknown kind of frame, or a size that its kind does not allow. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payload === undefined) {
        const count = chunk.copy(this.#head, this.#headLength, at);
        this.#headLength += count;
        at += count;
        if (this.#headLength < frameHeadBytes) return;
        const size = this.#checkedSize();
        if (chunk.length - at >= size) {
          this.#end(chunk.subarray(at, at + size));
          at += size;
          continue;
        }
        this.#payload = Buffer.allocUnsafeSlow(size);
      }
      const count = chunk.copy(this.#payload, this.#payloadLength, at);
      this.#payloadLength += count;
      at += count;
      if (this.#payloadLength === this.#payload.length) this.#end(this.#payload);
    }
  }

  #end(payload: Buffer): void {
    this.#payload = undefined;
    this.#headLength = this.#payloadLength = 0;
    this.#listener(this.#head[0]!, payload);
  }

  #checkedSize(): number {
    const kind = this.#head[0]!;
    const size = this.#head.readUInt32LE(1);
    const max = this.#maxSize(kind);
    if (max === undefined) throw new UdfError('malformed', `there is no frame of kind ${kind}`);
    if (size > max) {
      throw new UdfError('malformed', `a frame of kind ${kind} has ${size} bytes, of at most ${max}`);
    }
    if (kind === FrameKind.ack && size !== ackBytes) {
      throw new UdfError('malformed', `an acknowledgement has ${size} bytes, in place of ${ackBytes}`);
    }
    return size;
  }

  #maxSize(kind: number): number | undefined {
    switch (kind) {
      case FrameKind.data:
        return maxDataBytes;
      case FrameKind.control:
        return this.#maxControlBytes;
      case FrameKind.ack:
        return ackBytes;
      case FrameKind.ping:
        return 0;
      case FrameKind.bye:
        return 1024;
      default:
        return undefined;
    }
  }
}
