import type { AheadOutput } from '../../../agent/output-ahead.js';
import type { AgentStats } from '../../../model/statistics.js';
import { lengthSize, writeLength } from '../../../wire/framing.js';

/** The elements of the words that a worker shares with the front; `length` is their number. */
export const Signals = {
  /** Turns of the event loop, counted ten times a second: it stands still in synchronous code. */
  alive: 0,
  /** Set by the front to have the statistics with the next acknowledgement. */
  wantsStats: 1,
  length: 2,
} as const;

/**
 * The first byte of an acknowledgement, which no message of the protocol begins with. It is a frame among the worker's output:
 * before it comes all output of the handled input and, of later input, only `Ack.ahead`.
 */
export const ackByte = 0xff;

const ackHeadBytes = 1 + 8 + 8 + 4 + 4;

export interface Ack {
  /** Bytes of input that are handled. */
  readonly handled: number;
  /** What was written before the acknowledgement for input after it. */
  readonly ahead: AheadOutput;
  /**
   * When it wants the next tick, in Unix milliseconds: when its next timer of the wall clock is due. NaN if there is none;
   * `-Infinity` for an idle tick, while timers wait for a moment without input.
   */
  readonly wakeAtMs: number;
  readonly stats: AgentStats | undefined;
}

/** Encodes an acknowledgement as a frame. */
export function encodeAck({ handled, ahead, wakeAtMs, stats }: Ack): Buffer {
  const text = stats === undefined ? empty : Buffer.from(JSON.stringify(stats));
  const size = ackHeadBytes + text.length;
  const frame = Buffer.allocUnsafe(lengthSize(size) + size);
  let at = writeLength(frame, 0, size);
  frame[at++] = ackByte;
  at = frame.writeDoubleLE(handled, at);
  at = frame.writeDoubleLE(wakeAtMs, at);
  at = frame.writeUInt32LE(ahead.frames, at);
  at = frame.writeUInt32LE(ahead.refusals, at);
  text.copy(frame, at);
  return frame;
}

const empty = Buffer.alloc(0);

/** Decodes the payload of an acknowledgement. */
export function decodeAck(payload: Buffer): Ack {
  return {
    handled: payload.readDoubleLE(1),
    wakeAtMs: payload.readDoubleLE(9),
    ahead: { frames: payload.readUInt32LE(17), refusals: payload.readUInt32LE(21) },
    stats:
      payload.length > ackHeadBytes
        ? (JSON.parse(payload.toString('utf8', ackHeadBytes)) as AgentStats) // written by encodeAck
        : undefined,
  };
}
