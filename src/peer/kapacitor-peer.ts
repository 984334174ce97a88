import { batchGroupId, groupId } from '../recording/groups.js';
import type { Transport } from '../transport/transport.js';
import type { Batch, BatchInit } from '../model/batch.js';
import type { Point, PointInit } from '../model/point.js';
import { FrameOutput } from '../wire/frame-output.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import { encodeRequest, type InfoMessage, type OptionMessage, type Request } from '../wire/messages.js';
import { KeepaliveTimer } from './keepalive-timer.js';
import { type LooseOptions, optionCalls } from './option-calls.js';
import { ProtocolFailure } from './protocol-failure.js';
import { type ManagementResponse, type ReceivedBatch, ResponseReader } from './response-reader.js';
import { WaitList } from './wait-list.js';

export interface KapacitorPeerOptions {
  /** `test` if not given. */
  readonly taskId?: string | undefined;
  /** `udf2` if not given. */
  readonly nodeId?: string | undefined;
  /** Kapacitor's `timeout` of a UDF, 10 s if not given; 0 for no keepalives. */
  readonly keepaliveTimeoutMs?: number | undefined;
  /** How long an answer, or EOF after the half-close, may take before it counts as missing: 5 s if not given. */
  readonly answerTimeoutMs?: number | undefined;
  /** The longest message that is taken for one: 1 GiB if not given. */
  readonly messageBytes?: number | undefined;
  /** Each message in two small writes as Kapacitor makes them (the default), or many messages in one. */
  readonly writes?: 'as-kapacitor' | 'coalesced' | undefined;
  /** Called with each point that comes out of the UDF; it is then not kept in `points`. */
  readonly onPoint?: ((point: Point) => void) | undefined;
  /** Called with each batch that comes out of the UDF; it is then not kept in `batches`. */
  readonly onBatch?: ((batch: Batch) => void) | undefined;
}

/** What came out of a UDF. */
export interface Emitted {
  readonly points: readonly Point[];
  readonly batches: readonly Batch[];
}

/**
 * Kapacitor's side of one connection, which holds an agent to every rule that the real one relies on. Whatever breaks
 * one makes the call that waits for it, and all later ones, throw the same `ProtocolFailure`.
 */
export interface KapacitorPeer extends Emitted {
  /** The sizes that the begins of `batches` announced. */
  readonly batchSizes: readonly bigint[];
  /** What ended the conversation other than `stop` and `abort`. */
  readonly failure: ProtocolFailure | undefined;
  /** Resolves when the agent has closed its side, or the connection is gone. Never rejects. */
  readonly closed: Promise<void>;
  /** Keepalive responses so far, asked for or not. */
  readonly keepalives: number;

  /** Asks what the UDF is. */
  info(): Promise<InfoMessage>;
  /**
   * Starts the task: options as a TICKscript calls them (`.field('value').size(3)`), as calls, or as a record.
   * Throws `init-refused` with the agent's own words in `detail`.
   */
  init(options?: string | readonly OptionMessage[] | LooseOptions): Promise<void>;
  /** Hands in an earlier snapshot. Throws `restore-refused`. */
  restore(snapshot: Uint8Array): Promise<void>;
  snapshot(): Promise<Uint8Array>;
  /** Asks for a sign of life, besides those that are asked for regularly. */
  keepalive(): Promise<void>;

  /** Sends a point; `false` if the agent is behind, and `drained` should be awaited. */
  point(point: PointInit | Point): boolean;
  /** Sends a batch; result as of `point`. */
  batch(batch: BatchInit | Batch): boolean;
  /** Sends bytes as they are, good or bad; result as of `point`. */
  write(bytes: Uint8Array): boolean;
  /** Resolves when the agent has taken what was sent before. */
  drained(): Promise<void>;
  /** Resolves when so much has come in all. Throws `missing-response` when it does not come. */
  received(count: { readonly points?: number; readonly batches?: number }): Promise<void>;

  /** Reads no more until `resumeReading`, as when the nodes behind the UDF are slow. */
  pauseReading(): void;
  resumeReading(): void;

  /** Stops the task as Kapacitor does: waits for what it has asked for, half-closes, and reads to the end. */
  stop(): Promise<Emitted>;
  /** Cuts the connection, as when Kapacitor is killed. */
  abort(): void;
}

/** Plays Kapacitor on a connection to an agent. */
export function createKapacitorPeer(transport: Transport, options: KapacitorPeerOptions = {}): KapacitorPeer {
  return new Conversation(transport, options);
}

type TypedKind = 'info' | 'init' | 'snapshot' | 'restore';
type Answer<Kind extends TypedKind> = Extract<ManagementResponse, { readonly kind: Kind }>;

interface Asked {
  readonly kind: TypedKind;
  readonly frame: Buffer;
  answer: ManagementResponse | undefined;
}

const GiB = 1024 ** 3;
const flushBytes = 64 * 1024;

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
  readonly #reader: ResponseReader;
  readonly #keepalive: KeepaliveTimer;
  readonly #waiters = new WaitList();
  readonly #frames = new FrameOutput();
  /** Typed requests without an answer, in order. */
  readonly #asked: Asked[] = [];
  #info: InfoMessage | undefined;
  /** Whether the real one would take data now. */
  #ready = false;
  #dataSent = false;
  #flushing = false;
  #pointsIn = 0;
  #batchesIn = 0;
  #state: 'open' | 'refused' | 'half-closed' | 'over' = 'open';
  #resolveClosed!: () => void;

  constructor(transport: Transport, options: KapacitorPeerOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#answerTimeoutMs = options.answerTimeoutMs ?? 5_000;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#reader = new ResponseReader(options.messageBytes ?? GiB, {
      received: () => {
        this.#keepalive.reset();
      },
      management: (response, payload) => {
        this.#answered(response, payload);
      },
      point: (point) => {
        this.#gotPoint(point);
      },
      batch: (batch) => {
        this.#gotBatch(batch);
      },
    });
    const timeoutMs = options.keepaliveTimeoutMs ?? 10_000;
    this.#keepalive = new KeepaliveTimer(
      timeoutMs,
      () => {
        this.#send(encodeRequest({ kind: 'keepalive', time: nanoseconds() }));
      },
      (last) => {
        const since = new Date(last).toISOString();
        this.#fail('keepalive-timeout', `no response for ${timeoutMs} ms, the last one came at ${since}`);
      },
    );
    this.#listen();
    this.#keepalive.start();
  }

  // ---- requests ----

  async info(): Promise<InfoMessage> {
    const { wants, provides, options } = await this.#ask('info', { kind: 'info' });
    this.#info = { wants, provides, options };
    this.#reader.provides = provides;
    return this.#info;
  }

  async init(options: string | readonly OptionMessage[] | LooseOptions = ''): Promise<void> {
    const { taskId: taskID = 'test', nodeId: nodeID = 'udf2' } = this.#options;
    const calls = optionCalls(options, this.#info?.options);
    const { success, error } = await this.#ask('init', { kind: 'init', taskID, nodeID, options: calls });
    if (!success) await this.#refused('init-refused', error);
  }

  async restore(snapshot: Uint8Array): Promise<void> {
    if (!this.#dataSent) this.#ready = false;
    const { success, error } = await this.#ask('restore', { kind: 'restore', snapshot });
    if (!success) await this.#refused('restore-refused', error);
  }

  async snapshot(): Promise<Uint8Array> {
    const { snapshot } = await this.#ask('snapshot', { kind: 'snapshot' });
    return snapshot;
  }

  async keepalive(): Promise<void> {
    this.#live();
    const before = this.keepalives;
    this.#send(encodeRequest({ kind: 'keepalive', time: nanoseconds() }));
    await this.#until(() => this.keepalives > before, 'missing-response', 'no answer to a keepalive');
  }

  async #ask<Kind extends TypedKind>(kind: Kind, request: Request): Promise<Answer<Kind>> {
    this.#live();
    const frame = encodeRequest(request);
    const asked: Asked = { kind, frame, answer: undefined };
    this.#asked.push(asked);
    this.#send(frame);
    await this.#until(() => asked.answer !== undefined, 'missing-response', `no answer to ${kind}`);
    return asked.answer as Answer<Kind>; // `#answered` fills in an answer of the kind that was asked for
  }

  /** Kapacitor itself leaves such a connection open for ever: closing it is the agent's part. */
  async #refused(rule: 'init-refused' | 'restore-refused', detail: string): Promise<never> {
    const what = `the connection was left open after ${rule.replace('-', ' ')}`;
    await this.#until(() => this.#state === 'over', 'open-after-refusal', what);
    throw this.#fail(rule, detail);
  }

  // ---- data ----

  point(point: PointInit | Point): boolean {
    this.#live();
    this.#dataSent = true;
    const { buf, frame, end } = point instanceof LazyPoint ? point : lazyPoint(point);
    return this.#sendSlice(buf, frame, end);
  }

  batch(batch: BatchInit | Batch): boolean {
    this.#live();
    this.#dataSent = true;
    const { name, group, tags, byName, time, points } = batch instanceof LazyBatch ? batch : lazyBatch(batch);
    this.#send(encodeRequest({ kind: 'begin', name, group, tags, byName, size: BigInt(points.length) }));
    for (const { buf, frame, end } of points) this.#sendSlice(buf, frame, end);
    // Kapacitor leaves byName out of an end.
    return this.#send(encodeRequest({ kind: 'end', name, group, tags, tmax: time, byName: false }));
  }

  write(bytes: Uint8Array): boolean {
    this.#live();
    this.#dataSent = true;
    this.#flush();
    return this.#transport.output.write(bytes);
  }

  async drained(): Promise<void> {
    this.#live();
    this.#flush();
    const { output } = this.#transport;
    await this.#waiters.until(() => !output.writableNeedDrain);
  }

  async received({ points = 0, batches = 0 }: { points?: number; batches?: number }): Promise<void> {
    this.#live();
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
    this.#live();
    this.#keepalive.stop();
    await this.#until(
      () => this.#asked.length === 0,
      'missing-response',
      () => `${this.#asked.map(({ kind }) => kind).join(', ')} went unanswered`,
    );
    this.#flush();
    this.#state = 'half-closed';
    this.#transport.output.end();
    await this.#until(
      () => this.#state === 'over',
      'no-eof-after-half-close',
      'the connection was not closed',
    );
    return { points: this.points, batches: this.batches };
  }

  abort(): void {
    this.#over();
  }

  // ---- what comes ----

  #listen(): void {
    const { input, output } = this.#transport;
    input.on('data', (chunk: Buffer) => {
      this.#guarded(() => {
        this.#reader.push(chunk);
      });
    });
    input.once('end', () => {
      this.#guarded(() => {
        this.#ended();
      });
    });
    input.once('close', () => {
      if (this.#state !== 'over') this.#fail('connection-lost', 'the connection was cut');
    });
    output.on('drain', () => {
      this.#waiters.check();
    });
    for (const stream of new Set([input, output])) {
      stream.on('error', (error: Error) => {
        if (this.#state !== 'over') this.#fail('connection-lost', error.message, error);
      });
    }
  }

  #guarded(work: () => void): void {
    if (this.#state === 'over') return;
    try {
      work();
    } catch (reason) {
      if (!(reason instanceof ProtocolFailure)) throw reason;
      this.#failWith(reason);
    }
    this.#waiters.check();
  }

  #answered(response: ManagementResponse, payload: Uint8Array): void {
    const { kind } = response;
    if (kind === 'keepalive') {
      this.keepalives++;
      return;
    }
    if (kind === 'error') throw new ProtocolFailure('error-response', response.error);
    const at = this.#asked.findIndex((asked) => asked.kind === kind);
    if (at < 0)
      throw new ProtocolFailure('unasked-response', `an answer to ${kind} came that was not asked for`);
    const asked = this.#asked.splice(at, 1)[0]!; // it was found
    // Its first field is a text where an answer has a boolean, which the decoder leaves out and Kapacitor's does not.
    if (kind === 'init' && asked.frame.subarray(-payload.length).equals(payload)) {
      const what = 'the request to init came back as it was sent: this agent repeats what it hears';
      throw new ProtocolFailure('stray-bytes', what);
    }
    asked.answer = response;
    if (kind !== 'init' && kind !== 'restore') return;
    if (response.success) {
      this.#ready = true;
    } else {
      this.#state = 'refused';
      this.#keepalive.stop();
    }
  }

  #gotPoint(point: LazyPoint): void {
    this.#checkReady('a point');
    this.#pointsIn++;
    if (this.#options.onPoint) this.#options.onPoint(point);
    else this.points.push(point);
  }

  #gotBatch({ batch, announced }: ReceivedBatch): void {
    this.#checkReady('a batch');
    this.#batchesIn++;
    if (this.#options.onBatch) {
      this.#options.onBatch(batch);
      return;
    }
    this.batches.push(batch);
    this.batchSizes.push(announced);
  }

  #checkReady(what: string): void {
    if (!this.#ready) throw new ProtocolFailure('data-before-ready', `${what} came too early`);
  }

  #ended(): void {
    this.#reader.end();
    if (this.#asked.length > 0) {
      const kinds = this.#asked.map(({ kind }) => kind).join(', ');
      throw new ProtocolFailure(
        'missing-response',
        `the agent closed the connection without answering ${kinds}`,
      );
    }
    if (this.#state === 'open') throw new ProtocolFailure('early-eof', 'the agent closed the connection');
    this.#over();
  }

  // ---- sending ----

  #send(frame: Buffer): boolean {
    return this.#sendSlice(frame, 0, frame.length);
  }

  #sendSlice(buf: Buffer, start: number, end: number): boolean {
    const { output } = this.#transport;
    if (!output.writable) return false;
    if (this.#options.writes === 'coalesced') {
      this.#frames.add(buf, start, end);
      if (this.#frames.size >= flushBytes) this.#flush();
      else this.#flushSoon();
      return !output.writableNeedDrain;
    }
    let payload = start + 1;
    while (buf[payload - 1]! > 0x7f) payload++;
    output.write(buf.subarray(start, payload));
    return output.write(buf.subarray(payload, end));
  }

  #flush(): void {
    const { output } = this.#transport;
    for (const buffer of this.#frames.take()) if (output.writable) output.write(buffer);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  // ---- failures ----

  #live(): void {
    if (this.failure) throw this.failure;
    if (this.#state !== 'open') throw over();
  }

  #until(
    done: () => boolean,
    rule: 'missing-response' | 'open-after-refusal' | 'no-eof-after-half-close',
    what: string | (() => string),
  ): Promise<void> {
    return this.#waiters.until(done, this.#answerTimeoutMs, () =>
      this.#fail(rule, `${typeof what === 'string' ? what : what()} within ${this.#answerTimeoutMs} ms`),
    );
  }

  #fail(rule: ProtocolFailure['rule'], detail: string, cause?: unknown): ProtocolFailure {
    return this.#failWith(new ProtocolFailure(rule, detail, cause === undefined ? {} : { cause }));
  }

  /** The first failure counts, as in Kapacitor; it ends the connection. */
  #failWith(failure: ProtocolFailure): ProtocolFailure {
    this.failure ??= failure;
    this.#over();
    return this.failure;
  }

  #over(): void {
    this.#state = 'over';
    this.#keepalive.stop();
    this.#reader.stop();
    this.#transport.destroy();
    this.#resolveClosed();
    if (!this.failure) this.#waiters.check();
    this.#waiters.fail(this.failure ?? over());
  }
}

function over(): ProtocolFailure {
  return new ProtocolFailure('connection-lost', 'the conversation is over');
}

function nanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

function lazyPoint(init: PointInit): LazyPoint {
  const { name, tags = {}, dimensions = [], byName = false } = init;
  const group = init.group ?? groupId({ name, tags, dimensions, byName });
  const { database = '', retentionPolicy = '', time } = init;
  const head = { time, name, database, retentionPolicy, group, dimensions, tags, byName };
  return LazyPoint.create(head, init.fields);
}

/** A batch's points carry its tags too. */
function lazyBatch(init: BatchInit | Batch): LazyBatch {
  const { name, tags = {}, byName = false, time } = init;
  const group = init.group ?? batchGroupId(name, tags, byName);
  const points = init.points.map((point) =>
    point instanceof LazyPoint ? point : { ...point, tags: { ...tags, ...point.tags } },
  );
  return LazyBatch.create({ name, group, tags, byName }, time, points);
}
