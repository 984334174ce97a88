import { messageOf, UdfError } from '../model/errors.js';
import { batchGroupId } from '../recording/groups.js';
import type { EdgeType } from '../model/values.js';
import { FrameReader } from '../wire/frame-reader.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { type BeginMessage, decodeResponse, type EndMessage, type Response } from '../wire/messages.js';
import { schema } from '../wire/schema.js';
import { ProtocolFailure } from './protocol-failure.js';

/** A response that carries no data. */
export type ManagementResponse = Exclude<Response, { readonly kind: 'begin' | 'point' | 'end' }>;

/** A received batch, with the size that its begin announced. */
export interface ReceivedBatch {
  readonly batch: LazyBatch;
  readonly announced: bigint;
}

export interface ResponseHandlers {
  /** Called before each response: any of them resets Kapacitor's keepalive timer. */
  received(): void;
  /** Called with the frame of each response that can be decoded, before rules are checked on it. */
  decoded?(frame: Buffer): void;
  /** `payload` is its encoded form. */
  management(response: ManagementResponse, payload: Uint8Array): void;
  point(point: LazyPoint): void;
  batch(batch: ReceivedBatch): void;
}

/** Kapacitor allocates 16 bytes per point when a batch begins: more points would exhaust a server's memory. */
const maxBatchPoints = 100_000_000n;

/** Reads an agent's responses as Kapacitor's `readData` and `handleResponse` do: bytes in, points and batches out. */
export class ResponseReader {
  readonly #handlers: ResponseHandlers;
  readonly #frames: FrameReader;
  #provides: EdgeType | undefined;
  #begin: BeginMessage | undefined;
  #points: LazyPoint[] = [];

  constructor(maxMessageBytes: number, handlers: ResponseHandlers) {
    this.#handlers = handlers;
    this.#frames = new FrameReader(maxMessageBytes, (buf, frame, payload, end) => {
      this.#frame(buf, frame, payload, end);
    });
  }

  /** Once known, data that the edge does not carry is a failure. */
  set provides(edge: EdgeType) {
    this.#provides = edge;
  }

  /** Reads a chunk and calls the handlers. Throws `ProtocolFailure`. */
  push(chunk: Buffer): void {
    try {
      this.#frames.push(chunk);
    } catch (reason) {
      if (reason instanceof ProtocolFailure) throw reason;
      const isFrameError =
        reason instanceof UdfError && (reason.code === 'limit' || reason.code === 'malformed');
      if (!isFrameError) throw reason;
      throw new ProtocolFailure('message-size', reason.message, { cause: reason });
    }
  }

  /** Call it at EOF. Throws `ProtocolFailure` inside a message or a batch. */
  end(): void {
    if (this.#frames.midFrame)
      throw new ProtocolFailure('truncated-response', 'the stream ended inside a message');
    if (this.#begin) {
      throw new ProtocolFailure(
        'unfinished-batch',
        `the stream ended inside batch "${this.#begin.name}" after ${count(this.#points.length)}`,
      );
    }
  }

  /** Ignores all further input, including the rest of the current chunk. */
  stop(): void {
    this.#frames.stop();
  }

  #frame(buf: Buffer, frame: number, payload: number, end: number): void {
    this.#handlers.received();
    const point = LazyPoint.fromFrame(buf, frame, payload, end);
    if (point) {
      validate(point);
      this.#handlers.decoded?.(buf.subarray(frame, end));
      this.#point(point);
      return;
    }
    const bytes = buf.subarray(payload, end);
    const response = decode(bytes);
    this.#handlers.decoded?.(buf.subarray(frame, end));
    switch (response.kind) {
      case 'point':
        this.#point(LazyPoint.fromMessage(response));
        return;
      case 'begin':
        this.#open(response);
        return;
      case 'end':
        this.#close(response);
        return;
      default:
        this.#handlers.management(response, bytes);
    }
  }

  #point(point: LazyPoint): void {
    if (this.#begin) {
      this.#points.push(point);
      return;
    }
    if (this.#provides === 'batch') {
      throw new ProtocolFailure(
        'wrong-edge',
        `a point came outside a batch, at ${point.time}, from a UDF that provides batches`,
      );
    }
    this.#handlers.point(point);
  }

  #open(begin: BeginMessage): void {
    if (this.#provides === 'stream') {
      throw new ProtocolFailure('wrong-edge', `batch "${begin.name}" came from a UDF that provides a stream`);
    }
    if (this.#begin) {
      throw new ProtocolFailure(
        'nested-batch',
        `batch "${begin.name}" began inside batch "${this.#begin.name}", which had ${count(this.#points.length)}`,
      );
    }
    if (begin.size < 0n || begin.size > maxBatchPoints) {
      throw new ProtocolFailure('batch-size', `batch "${begin.name}" announces a size of ${begin.size}`);
    }
    this.#begin = begin;
  }

  #close(end: EndMessage): void {
    const begin = this.#begin;
    if (!begin)
      throw new ProtocolFailure('end-without-begin', `batch "${end.name}" ended without having begun`);
    const points = this.#points;
    this.#begin = undefined;
    this.#points = [];
    const { name, tags, tmax } = end;
    const { byName, size: announced } = begin;
    const group = batchGroupId(name, tags, byName);
    this.#handlers.batch({ batch: new LazyBatch({ name, group, tags, byName }, tmax, points), announced });
  }
}

function validate(point: LazyPoint): void {
  try {
    LazyPoint.validate(point);
  } catch (cause) {
    throw new ProtocolFailure('stray-bytes', messageOf(cause), { cause });
  }
}

function decode(payload: Uint8Array): Response {
  if (payload.length === 0) throw new ProtocolFailure('empty-response', 'a response of no bytes came');
  try {
    return decodeResponse(payload);
  } catch (cause) {
    const rule = holdsNoMessage(payload) ? 'unknown-response' : 'stray-bytes';
    throw new ProtocolFailure(rule, messageOf(cause), { cause });
  }
}

/** Whether the bytes are valid protobuf without any of the protocol's messages. */
function holdsNoMessage(payload: Uint8Array): boolean {
  try {
    // The schema's oneof: the name of the message that is set.
    const { message } = schema.Response.decode(payload) as { readonly message?: string };
    return message === undefined;
  } catch {
    return false;
  }
}

function count(points: number): string {
  return points === 1 ? '1 point' : `${points} points`;
}
