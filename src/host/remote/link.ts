import type { Duplex } from 'node:stream';
import { messageOf, UdfError } from '../../model/errors.js';
import {
  encodeAckFrame,
  frameHead,
  frameHeadBytes,
  FrameKind,
  LinkFrameReader,
  maxDataBytes,
} from './link-frames.js';

/** Max bytes of data that one side sends ahead of what the other has taken. */
export const windowBytes = 4 * 1024 * 1024;

/** How often a sign of life is sent. */
const defaultHeartbeatMs = 2_000;

/** Heartbeats without a sign of life from the other side, after which the connection counts as lost. */
const maxMissedHeartbeats = 5;

/** Max time for the other side to read the end of a session. */
const closeTimeoutMs = 5_000;

export interface LinkEvents {
  /** Bytes of data; `position` is for `release`, once they are taken. */
  data(bytes: Buffer, position: number): void;
  control(payload: Buffer): void;
  /** More data can be sent, or the connection is back. */
  room(): void;
  /** The connection was lost; `attach` continues with another one. */
  lost(reason: UdfError): void;
  /** The other side has ended the session. */
  ended(reason: string): void;
}

export interface LinkOptions {
  /** The largest control message that is accepted. */
  readonly maxControlBytes: number;
  /** Milliseconds between two signs of life. */
  readonly heartbeatMs?: number | undefined;
}

/** A frame that the other side may not have got. */
interface Sent {
  readonly head: Buffer;
  readonly payload: Buffer;
  /** The position after it. */
  readonly end: number;
}

/**
 * Data and control messages in order, over one connection after another. What was under way when a connection broke is sent
 * again on the next one, and is received once.
 *
 * Both sides count the bytes of data and control frames, and keep what they have sent until the other side has taken it. The
 * two exchange how much they have received before they attach a new connection.
 */
export class Link {
  readonly #events: LinkEvents;
  readonly #reader: () => LinkFrameReader;
  #socket: Duplex | undefined;
  /** Ends the use of `#socket`. */
  #detach: () => void = () => undefined;
  #isOver = false;
  /** What was sent and may have to be sent again, in order: all after `#keptFrom`. */
  #sent: Sent[] = [];
  #keptFrom = 0;
  #sentEnd = 0;
  /** The position up to which the other side has taken all. */
  #acknowledged = 0;
  #wantsRoom = false;
  #received = 0;
  /** The position after the last data frame, and up to which data were released. */
  #lastData = 0;
  #released = 0;
  #lastAck = 0;
  readonly #heartbeatMs: number;
  #hasHeard = false;
  #missed = 0;

  constructor({ maxControlBytes, heartbeatMs = defaultHeartbeatMs }: LinkOptions, events: LinkEvents) {
    this.#events = events;
    this.#heartbeatMs = heartbeatMs;
    this.#reader = () =>
      new LinkFrameReader(maxControlBytes, (kind, payload) => {
        this.#receive(kind, payload);
      });
  }

  /** The position up to which frames were received, for the other side. */
  get received(): number {
    return this.#received;
  }

  get isUp(): boolean {
    return this.#socket !== undefined;
  }

  /** Bytes of data that can be sent now; below 1, `room` follows. */
  get roomBytes(): number {
    const room = windowBytes - (this.#sentEnd - this.#acknowledged);
    this.#wantsRoom ||= room <= 0;
    return room;
  }

  /**
   * Continues on a connection on which `rest` has come already, and whose other side has received up to `theirs`. Throws
   * `protocol` if it cannot have: the session is lost then.
   */
  attach(socket: Duplex, rest: Buffer, theirs: number): void {
    if (theirs !== this.#keptFrom && !this.#sent.some(({ end }) => end === theirs)) {
      throw new UdfError(
        'protocol',
        `the other side says it has ${theirs} bytes, of ${this.#keptFrom} to ${this.#sentEnd}`,
      );
    }
    this.#drop(); // it may not have noticed that its connection is dead
    this.#socket = socket;
    this.#missed = 0;
    const reader = this.#reader();
    const read = (chunk: Buffer): void => {
      this.#hasHeard = true;
      try {
        reader.push(chunk);
      } catch (reason) {
        this.#lose(UdfError.from(reason));
      }
    };
    const failed = (cause: Error): void => {
      this.#lose(new UdfError('connection', messageOf(cause), { cause }));
    };
    const closed = (): void => {
      this.#lose(new UdfError('connection', 'the other side has closed the connection'));
    };
    const heartbeat = setInterval(() => {
      this.#beat();
    }, this.#heartbeatMs);
    this.#detach = () => {
      clearInterval(heartbeat);
      socket.off('data', read).off('error', failed).off('close', closed).off('end', closed);
      socket.on('error', () => undefined); // destroying it may cause one
      this.#socket = undefined;
      this.#detach = () => undefined;
    };
    socket.on('data', read).once('error', failed).once('close', closed).once('end', closed);
    this.#forget(theirs);
    for (const frame of this.#sent) this.#write(frame);
    this.#lastAck = -1; // the last one may have been lost
    this.#acknowledge();
    if (rest.length > 0) read(rest);
    socket.resume();
    this.#events.room();
  }

  // ---- sending ----

  /** Sends up to `roomBytes` of data, which are kept as they are until they are taken. Returns how many. */
  send(buf: Buffer, start: number, end: number): number {
    const last = Math.min(end, start + Math.max(0, this.roomBytes));
    this.sendAll(buf.subarray(start, last));
    this.#wantsRoom ||= last < end;
    return last - start;
  }

  /** Sends all data, even beyond `roomBytes`. */
  sendAll(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += maxDataBytes) {
      this.#add(FrameKind.data, bytes.subarray(at, at + maxDataBytes));
    }
  }

  control(payload: Buffer): void {
    this.#add(FrameKind.control, payload);
  }

  /** The data up to `position` are taken: the other side may send as much again. */
  release(position: number): void {
    this.#released = position;
    if (this.#taken - this.#lastAck >= windowBytes / 4) this.#acknowledge();
  }

  #add(kind: number, payload: Buffer): void {
    if (this.#isOver) return;
    this.#sentEnd += frameHeadBytes + payload.length;
    const frame = { head: frameHead(kind, payload.length), payload, end: this.#sentEnd };
    this.#sent.push(frame);
    this.#write(frame);
  }

  #write({ head, payload }: Sent): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.cork();
    socket.write(head);
    socket.write(payload);
    socket.uncork();
  }

  /** The other side has received all up to `position`. */
  #forget(position: number): void {
    let count = 0;
    while (count < this.#sent.length && this.#sent[count]!.end <= position) {
      this.#keptFrom = this.#sent[count]!.end;
      count++;
    }
    this.#sent.splice(0, count);
  }

  // ---- receiving ----

  #receive(kind: number, payload: Buffer): void {
    switch (kind) {
      case FrameKind.data:
        this.#lastData = this.#count(payload);
        this.#events.data(payload, this.#lastData);
        return;
      case FrameKind.control:
        this.#count(payload);
        this.#events.control(payload);
        return;
      case FrameKind.ack:
        this.#acknowledgedBy(payload.readDoubleLE(0));
        return;
      case FrameKind.bye:
        this.#end();
        this.#events.ended(payload.toString('utf8'));
    }
  }

  #count(payload: Buffer): number {
    this.#received += frameHeadBytes + payload.length;
    return this.#received;
  }

  #acknowledgedBy(position: number): void {
    if (!(position <= this.#sentEnd))
      throw new UdfError('protocol', `${position} was acknowledged, and not sent`);
    this.#forget(position);
    this.#acknowledged = Math.max(this.#acknowledged, position);
    if (this.#wantsRoom && this.roomBytes > 0) {
      this.#wantsRoom = false;
      this.#events.room();
    }
  }

  /** The position up to which all is taken. */
  get #taken(): number {
    return this.#released < this.#lastData ? this.#released : this.#received;
  }

  #acknowledge(): void {
    const position = this.#taken;
    if (position === this.#lastAck) return;
    this.#lastAck = position;
    this.#socket?.write(encodeAckFrame(position));
  }

  // ---- the connection ----

  #beat(): void {
    this.#missed = this.#hasHeard ? 0 : this.#missed + 1;
    this.#hasHeard = false;
    if (this.#missed >= maxMissedHeartbeats) {
      const silenceMs = maxMissedHeartbeats * this.#heartbeatMs;
      this.#lose(new UdfError('connection', `the other side has not been heard for ${silenceMs} ms`));
      return;
    }
    this.#acknowledge();
    this.#socket?.write(frameHead(FrameKind.ping, 0));
  }

  #lose(reason: UdfError): void {
    if (!this.isUp) return;
    this.#drop();
    this.#events.lost(reason);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#detach();
    socket?.destroy();
  }

  /** Ends the session for both sides; nothing is sent or received from now on. */
  close(reason: string): void {
    const socket = this.#socket;
    this.#end();
    if (socket === undefined) return;
    const text = Buffer.from(reason.slice(0, 200));
    const destroy = (): void => {
      socket.destroy();
    };
    socket.end(Buffer.concat([frameHead(FrameKind.bye, text.length), text]), destroy);
    setTimeout(destroy, closeTimeoutMs).unref();
  }

  #end(): void {
    this.#isOver = true;
    this.#sent = [];
    this.#detach();
  }
}
