import type { Batch, BatchInit } from '../model/batch.js';
import type { Point, PointInit } from '../model/point.js';
import type { OptionCall } from '../model/option-call.js';
import type { Transport } from '../transport/transport.js';
import { encodeRequest, type InfoMessage } from '../wire/messages.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { encodeBatch, encodePoint } from './encode-input.js';
import type { Emitted, KapacitorPeer, KapacitorPeerOptions } from './interface.js';
import { KeepaliveTimer } from './keepalive-timer.js';
import { type LooseOptions, optionCalls } from './options.js';
import { PendingRequests, type ResponseTo, type TypedKind, typedKindOf } from './pending-requests.js';
import { ProtocolFailure, type ProtocolRule } from './protocol-failure.js';
import { RequestSender } from './request-sender.js';
import { type ManagementResponse, type ReceivedBatch, ResponseReader } from './response-reader.js';
import { WaitList } from './wait-list.js';

export type { Emitted, KapacitorPeer, KapacitorPeerOptions } from './interface.js';

/** Plays Kapacitor on a connection to an agent. */
export function createKapacitorPeer(transport: Transport, options: KapacitorPeerOptions = {}): KapacitorPeer {
  return new Conversation(transport, options);
}

const GiB = 1024 ** 3;

class Conversation implements KapacitorPeer {
  readonly points: Point[] = [];
  readonly batches: Batch[] = [];
  readonly batchSizes: bigint[] = [];
  readonly closed: Promise<void>;
  keepalives = 0;
  failure: ProtocolFailure | undefined;

  readonly #transport: Transport;
  readonly #options: KapacitorPeerOptions;
  readonly #answerTimeoutMs: number;
  readonly #sender: RequestSender;
  readonly #reader: ResponseReader;
  readonly #keepalive: KeepaliveTimer;
  readonly #waits = new WaitList();
  readonly #pending = new PendingRequests();
  #info: InfoMessage | undefined;
  /** Whether Kapacitor would accept data now. */
  #ready = false;
  #dataSent = false;
  #pointsIn = 0;
  #batchesIn = 0;
  #state: 'open' | 'refused' | 'half-closed' | 'closed' = 'open';
  /** Set if the agent refused init or restore, after which it must close the connection. */
  #refusal: ProtocolFailure | undefined;
  /** A write failed, but earlier output of the agent is still being read. */
  #writeError: Error | undefined;
  #resolveClosed!: () => void;

  constructor(transport: Transport, options: KapacitorPeerOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#answerTimeoutMs = options.answerTimeoutMs ?? 5_000;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#sender = new RequestSender(transport.output, options.writes ?? 'as-kapacitor');
    this.#reader = new ResponseReader(options.maxMessageBytes ?? GiB, {
      received: () => {
        this.#keepalive.reset();
      },
      decoded: (frame) => {
        options.onResponse?.(frame);
      },
      management: (response, payload) => {
        this.#onManagement(response, payload);
      },
      point: (point) => {
        this.#onPoint(point);
      },
      batch: (batch) => {
        this.#onBatch(batch);
      },
    });
    const timeoutMs = options.keepaliveTimeoutMs ?? 10_000;
    this.#keepalive = new KeepaliveTimer(
      timeoutMs,
      () => {
        this.#sendKeepalive();
      },
      (last) => {
        const since = new Date(last).toISOString();
        this.#fail('keepalive-timeout', `no response for ${timeoutMs} ms, the last one came at ${since}`);
      },
    );
    this.#listen();
    this.#keepalive.start();
    const { input } = transport;
    if (input.readableEnded || input.destroyed) this.#fail('connection-lost', 'the connection is closed');
  }

  // ---- requests ----

  async info(): Promise<InfoMessage> {
    const { wants, provides, options } = await this.#ask('info', encodeRequest({ kind: 'info' }));
    return { wants, provides, options };
  }

  async init(options: string | readonly OptionCall[] | LooseOptions = ''): Promise<void> {
    const { taskId: taskID = 'test', nodeId: nodeID = 'udf2' } = this.#options;
    const calls = optionCalls(options, this.#info?.options);
    const request = encodeRequest({ kind: 'init', taskID, nodeID, options: calls });
    await this.#accepted(this.#ask('init', request));
  }

  async restore(snapshot: Uint8Array): Promise<void> {
    await this.#accepted(this.#ask('restore', encodeRequest({ kind: 'restore', snapshot })));
  }

  async snapshot(): Promise<Uint8Array> {
    const { snapshot } = await this.#ask('snapshot', encodeRequest({ kind: 'snapshot' }));
    return snapshot;
  }

  async keepalive(): Promise<void> {
    this.#assertOpen();
    const before = this.keepalives;
    this.#sendKeepalive();
    await this.#until(() => this.keepalives > before, 'missing-response', 'no answer to a keepalive');
  }

  request(frame: Buffer): boolean {
    this.#assertOpen();
    const kind = typedKindOf(frame);
    if (kind) this.#expect(kind, frame);
    return this.#sender.send(frame);
  }

  async #ask<Kind extends TypedKind>(kind: Kind, frame: Buffer): Promise<ResponseTo<Kind>> {
    this.#assertOpen();
    const request = this.#expect(kind, frame);
    this.#sender.send(frame);
    await this.#until(() => request.response !== undefined, 'missing-response', `no answer to ${kind}`);
    return request.response as ResponseTo<Kind>; // `PendingRequests` sets a response of the request's kind
  }

  #expect(kind: TypedKind, frame: Buffer) {
    if (kind === 'restore' && !this.#dataSent) this.#ready = false;
    return this.#pending.add(kind, frame);
  }

  /** Kapacitor itself leaves a connection open after a refusal: the agent closes it. */
  async #accepted(response: Promise<ResponseTo<'init' | 'restore'>>): Promise<void> {
    const { success } = await response;
    if (success) return;
    await this.closed;
    throw this.failure ?? conversationOver();
  }

  #sendKeepalive(): void {
    this.#sender.send(encodeRequest({ kind: 'keepalive', time: BigInt(Date.now()) * 1_000_000n }));
  }

  // ---- data ----

  point(point: PointInit | Point): boolean {
    this.#assertOpen();
    this.#dataSent = true;
    return this.#sender.point(encodePoint(point));
  }

  batch(batch: BatchInit | Batch): boolean {
    this.#assertOpen();
    this.#dataSent = true;
    return this.#sender.batch(encodeBatch(batch));
  }

  write(bytes: Uint8Array): boolean {
    this.#assertOpen();
    this.#dataSent = true;
    return this.#sender.write(bytes);
  }

  async drained(): Promise<void> {
    this.#assertOpen();
    this.#sender.flush();
    const { output } = this.#transport;
    await this.#waits.until(() => !this.#writeError && !output.writableNeedDrain);
  }

  async received({ points = 0, batches = 0 }: { points?: number; batches?: number }): Promise<void> {
    this.#assertOpen();
    await this.#until(
      () => this.#pointsIn >= points && this.#batchesIn >= batches,
      'missing-response',
      () => `${this.#pointsIn} of ${points} points and ${this.#batchesIn} of ${batches} batches came`,
    );
  }

  pauseReading(): void {
    this.#transport.input.pause();
  }

  resumeReading(): void {
    this.#transport.input.resume();
  }

  // ---- the end ----

  async stop(): Promise<Emitted> {
    this.#assertOpen();
    this.#keepalive.stop();
    await this.#until(
      () => this.#pending.empty,
      'missing-response',
      () => `no answer to ${this.#pending.kinds}`,
    );
    this.#state = 'half-closed';
    this.#sender.end();
    await this.#until(
      () => this.#state === 'closed',
      'no-eof-after-half-close',
      'the connection was not closed',
    );
    return { points: this.points, batches: this.batches };
  }

  abort(): void {
    this.#close();
  }

  // ---- responses ----

  #onManagement(response: ManagementResponse, payload: Uint8Array): void {
    switch (response.kind) {
      case 'keepalive':
        this.keepalives++;
        return;
      case 'error':
        throw new ProtocolFailure('error-response', response.error);
      default:
        this.#pending.answer(response, payload);
    }
    if (response.kind === 'info') {
      this.#info = response;
      this.#reader.provides = response.provides;
    } else if (response.kind === 'init' || response.kind === 'restore') {
      if (response.success) this.#ready = true;
      else this.#onRefusal(response);
    }
  }

  #onRefusal({ kind, error }: ResponseTo<'init' | 'restore'>): void {
    this.#state = 'refused';
    this.#refusal = new ProtocolFailure(`${kind}-refused`, error);
    this.#keepalive.stop();
    const problem = `the connection was left open after ${kind} refused`;
    this.#until(() => this.#state === 'closed', 'open-after-refusal', problem).catch(() => undefined); // `failure` has it
  }

  #onPoint(point: LazyPoint): void {
    this.#assertReady('a point');
    this.#pointsIn++;
    if (this.#options.onPoint) this.#options.onPoint(point);
    else this.points.push(point);
  }

  #onBatch({ batch, announced }: ReceivedBatch): void {
    this.#assertReady('a batch');
    this.#batchesIn++;
    if (this.#options.onBatch) {
      this.#options.onBatch(batch);
      return;
    }
    this.batches.push(batch);
    this.batchSizes.push(announced);
  }

  #assertReady(what: string): void {
    if (!this.#ready) throw new ProtocolFailure('data-before-ready', `${what} came too early`);
  }

  #onEnd(): void {
    this.#reader.end();
    if (!this.#pending.empty) {
      const problem = `the agent closed the connection without answering ${this.#pending.kinds}`;
      throw new ProtocolFailure('missing-response', problem);
    }
    if (this.#refusal) throw this.#refusal;
    if (this.#writeError) throw connectionLost(this.#writeError);
    if (this.#state === 'open') throw new ProtocolFailure('early-eof', 'the agent closed the connection');
    this.#close();
  }

  // ---- the connection ----

  #listen(): void {
    const { input, output } = this.#transport;
    input.on('data', (chunk: Buffer) => {
      this.#guard(() => {
        this.#reader.push(chunk);
      });
    });
    input.once('end', () => {
      this.#guard(() => {
        this.#onEnd();
      });
    });
    input.once('close', () => {
      if (this.#state !== 'closed') this.#fail('connection-lost', 'the connection was cut', this.#writeError);
    });
    input.on('error', (error: Error) => {
      if (this.#state !== 'closed') this.#failWith(connectionLost(error));
    });
    output.on('drain', () => {
      this.#waits.check();
    });
    if (output === (input as unknown)) return; // a socket is both, and has one listener for its errors
    output.on('error', (error: Error) => {
      this.#onWriteError(error);
    });
  }

  /** A write to a child process that ended fails first; its earlier output, still unread, may hold the reason. */
  #onWriteError(error: Error): void {
    const { input } = this.#transport;
    if (this.#state === 'closed' || this.#writeError) return;
    if (input.readableEnded || input.destroyed) {
      this.#failWith(connectionLost(error));
      return;
    }
    this.#writeError = error;
    this.#waits
      .until(
        () => this.#state === 'closed',
        this.#answerTimeoutMs,
        () => this.#failWith(connectionLost(error)),
      )
      .catch(() => undefined); // `failure` has it
  }

  #guard(work: () => void): void {
    if (this.#state === 'closed') return;
    try {
      work();
    } catch (reason) {
      if (!(reason instanceof ProtocolFailure)) throw reason;
      this.#failWith(reason);
    }
    this.#waits.check();
  }

  #close(): void {
    this.#state = 'closed';
    this.#keepalive.stop();
    this.#reader.stop();
    this.#transport.destroy();
    this.#resolveClosed();
    if (!this.failure) this.#waits.check();
    this.#waits.fail(this.failure ?? conversationOver());
  }

  // ---- failures ----

  #assertOpen(): void {
    if (this.failure) throw this.failure;
    if (this.#state !== 'open') throw this.#refusal ?? conversationOver();
  }

  #until(
    done: () => boolean,
    rule: 'missing-response' | 'open-after-refusal' | 'no-eof-after-half-close',
    problem: string | (() => string),
  ): Promise<void> {
    return this.#waits.until(done, this.#answerTimeoutMs, () => {
      const what = typeof problem === 'string' ? problem : problem();
      return this.#fail(rule, `${what} within ${this.#answerTimeoutMs} ms`);
    });
  }

  #fail(rule: ProtocolRule, detail: string, cause?: unknown): ProtocolFailure {
    return this.#failWith(new ProtocolFailure(rule, detail, cause === undefined ? {} : { cause }));
  }

  /** The first failure counts, as in Kapacitor; it ends the connection. */
  #failWith(failure: ProtocolFailure): ProtocolFailure {
    this.failure ??= failure;
    this.#close();
    return this.failure;
  }
}

function connectionLost(error: Error): ProtocolFailure {
  return new ProtocolFailure('connection-lost', error.message, { cause: error });
}

function conversationOver(): ProtocolFailure {
  return new ProtocolFailure('connection-lost', 'the conversation is over');
}
