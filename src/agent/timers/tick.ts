import { lengthSize, writeLength } from '../../wire/framing.js';

/**
 * The first byte of a tick: a frame of the input that moves a driven clock, which no message of the protocol begins with.
 * Agents with the system's clock refuse it as malformed, as they do any other unknown message.
 */
const tickByte = 0xff;
/** The same for a tick with `isIdle`. */
const idleTickByte = 0xfe;

export interface Tick {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  /** Whether the next timer of the idle clock fires. */
  readonly isIdle?: boolean;
}

const tickBytes = 1 + 8;

export function encodeTick({ time, isIdle = false }: Tick): Buffer {
  const frame = Buffer.alloc(lengthSize(tickBytes) + tickBytes);
  const at = writeLength(frame, 0, tickBytes);
  frame[at] = isIdle ? idleTickByte : tickByte;
  frame.writeBigInt64LE(time, at + 1);
  return frame;
}

/** The tick in a frame's payload, `buf[payload..end)`; `undefined` if it is another message. */
export function readTick(buf: Buffer, payload: number, end: number): Tick | undefined {
  const first = buf[payload]!;
  if (first < idleTickByte || end - payload !== tickBytes) return undefined;
  return { time: buf.readBigInt64LE(payload + 1), isIdle: first === idleTickByte };
}
