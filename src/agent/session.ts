import { messageOf, UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { UdfDefinition, UdfLog } from '../udf/definition.js';
import { type FrameSlice, LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import {
  type BeginMessage,
  decodeRequest,
  encodeResponse,
  type EndMessage,
  type OptionMessage,
  type Response,
} from '../wire/messages.js';
import { snapshotFrameStart } from '../wire/snapshot-frame.js';
import { CollectedBatch, headOf } from './collected-batch.js';
import type { Emitter } from './emitter.js';
import { type MaybePromise, Instance, type InstanceDefaults } from './instance.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import type { Limits } from './limits.js';
import { readSnapshot, writeSnapshot } from './state/snapshot.js';
import type { Counters } from './counters.js';

/** What a session needs of its connection. */
export interface SessionOptions extends InstanceDefaults {
  readonly definition: UdfDefinition;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly strictRestore?: boolean | undefined;
  readonly emitter: Emitter;
  readonly counters: Counters;
  readonly signal: AbortSignal;
  /** Sends one frame. */
  send(frame: Buffer): void;
  /** Sends one frame that is in pieces, and that no limit of what may wait counts: its size has a limit of its own. */
  sendSnapshot(pieces: readonly Buffer[]): void;
  /** Ends the connection once all is sent: Kapacitor leaves that to us after a refusal, whose reason is given. */
  close(reason: UdfError): void;
}

/**
 * What each request means: one conversation, without the bytes' comings and goings. Requests are handled one after the
 * other; whoever calls waits for a promise before the next one.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #definition: UdfDefinition;
  readonly #emitter: Emitter;
  readonly #counters: Counters;
  #logger: Logger;
  #failures: RateLimitedLogger;
  #instance: Instance | undefined;
  #task = '';
  /** The batch that is collected for a `batch` handler. */
  #collected: CollectedBatch | undefined;
  /** The batch that is being handled point by point. */
  #streamed: BeginMessage | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#definition = options.definition;
    this.#emitter = options.emitter;
    this.#counters = options.counters;
    this.#logger = options.logger;
    this.#failures = new RateLimitedLogger(options.logger);
  }

  /** Names the UDF, and the task and node once they are known. */
  get logger(): Logger {
    return this.#logger;
  }

  get started(): boolean {
    return this.#instance !== undefined;
  }

  get groups(): number {
    return this.#instance?.groups.size ?? 0;
  }

  /** Whether the stream stands inside a batch. */
  get midBatch(): boolean {
    return this.#collected !== undefined || this.#streamed !== undefined;
  }

  /**
   * Handles the request in `buf[payload..end)`, whose frame starts at `frame`. Throws, or rejects with, what must end
   * the connection.
   */
  handle(buf: Buffer, frame: number, payload: number, end: number): MaybePromise {
    const point = LazyPoint.fromFrame(buf, frame, payload, end);
    if (point) return this.#point(point);
    const request = decodeRequest(buf.subarray(payload, end));
    switch (request.kind) {
      case 'point':
        return this.#point(LazyPoint.fromMessage(request));
      case 'begin':
        return this.#begin(request, { buf, start: frame, end });
      case 'end':
        return this.#end(request, { buf, start: frame, end });
      case 'keepalive':
        this.#reply({ kind: 'keepalive', time: request.time });
        return undefined;
      case 'info':
        this.#reply(infoOf(this.#definition));
        return undefined;
      case 'init':
        this.#init(request);
        return undefined;
      case 'snapshot':
        return this.#snapshot();
      case 'restore':
        return this.#restore(request.snapshot);
    }
  }

  /** Answers a keepalive, whatever else is being done; `false` if the request is something else. */
  answerKeepalive(buf: Buffer, payload: number, end: number): boolean {
    if (buf[payload] !== keepaliveTag) return false;
    const request = decodeRequest(buf.subarray(payload, end));
    if (request.kind !== 'keepalive') return false; // it began as one
    this.#reply(request);
    return true;
  }

  /** An error's message for Kapacitor's log, with the UDF and the task. */
  named({ message }: Error): string {
    const { name } = this.#definition;
    if (message.startsWith(`${name}: `)) return message;
    return this.#task === '' ? `${name}: ${message}` : `${name}: task ${this.#task}: ${message}`;
  }

  // ---- management ----

  #reply(response: Response): void {
    this.#options.send(encodeResponse(response));
  }

  #init(request: { taskID: string; nodeID: string; options: readonly OptionMessage[] }): void {
    if (this.#instance) throw new UdfError('protocol', 'init came twice');
    const { definition, emitter, counters, signal } = this.#options;
    const { taskID: task, nodeID: node } = request;
    this.#task = task;
    this.#logger = this.#options.logger.child({ task, node });
    this.#failures = new RateLimitedLogger(this.#logger);
    try {
      this.#instance = new Instance(definition, {
        calls: request.options,
        defaults: this.#options,
        task,
        node,
        signal,
        emit: emitter.emit,
        count: (counter, by = 1) => {
          counters.count(counter, by);
        },
        log: udfLog(this.#logger),
      });
    } catch (reason) {
      const error = UdfError.from(reason, 'handler');
      this.#logger.warn({ code: error.code, err: error }, `init refused: ${error.message}`);
      this.#reply({ kind: 'init', success: false, error: this.named(error) });
      this.#options.close(error);
      return;
    }
    this.#logger.info({}, 'task started');
    this.#reply({ kind: 'init', success: true, error: '' });
  }

  async #snapshot(): Promise<void> {
    const { groups } = this.#ready('a snapshot request');
    const { pieces, size } = await writeSnapshot(this.#owner(), groups, this.#options.limits.snapshotBytes);
    this.#options.sendSnapshot([snapshotFrameStart(size), ...pieces]);
  }

  async #restore(snapshot: Uint8Array): Promise<void> {
    const { groups } = this.#ready('a restore request');
    const { snapshotBytes } = this.#options.limits;
    if (snapshot.length > snapshotBytes) {
      throw new UdfError(
        'limit',
        `a snapshot of ${snapshot.length} bytes is above the limit of ${snapshotBytes} (snapshotBytes)`,
      );
    }
    groups.clear();
    try {
      await readSnapshot(this.#owner(), groups, snapshot);
    } catch (reason) {
      groups.clear();
      const error = UdfError.from(reason);
      const message = `${this.#definition.name}: cannot restore: ${error.message}`;
      if (this.#options.strictRestore) {
        this.#logger.error({ code: error.code, err: error }, message);
        this.#reply({ kind: 'restore', success: false, error: message });
        this.#options.close(error);
        return;
      }
      // A refusal would fail the task each time it is enabled, until somebody deletes it.
      this.#logger.error({ code: error.code, err: error }, `${message}; starting with fresh state`);
    }
    this.#reply({ kind: 'restore', success: true, error: '' });
  }

  #owner() {
    const { name, version, handlers } = this.#definition;
    return { name, version, migrate: handlers.migrate };
  }

  // ---- data ----

  #point(point: LazyPoint): MaybePromise {
    const instance = this.#ready('a point');
    this.#counters.pointsIn++;
    if (this.#definition.wants === 'stream') {
      // As `#guarded` does, but without a closure for each point.
      try {
        const called = instance.point(point);
        return called === undefined ? undefined : this.#guarded(() => called, point);
      } catch (reason) {
        this.#failed(reason, point);
        return undefined;
      }
    }
    if (this.#streamed) return this.#guarded(() => instance.batchPoint(point), point);
    if (!this.#collected) throw new UdfError('protocol', 'a point came outside a batch');
    this.#collected.add(point);
    return undefined;
  }

  #begin(begin: BeginMessage, frame: FrameSlice): MaybePromise {
    const instance = this.#ready('a batch');
    if (this.#definition.wants === 'stream') {
      throw new UdfError('protocol', `a batch came, but ${this.#definition.name} wants a stream`);
    }
    if (this.midBatch) throw new UdfError('protocol', 'a batch began inside another');
    this.#counters.batchesIn++;
    if (this.#definition.handlers.batch) {
      this.#collected = new CollectedBatch(begin, frame, this.#options.limits.batchBytes);
      return undefined;
    }
    this.#streamed = begin;
    this.#emitter.from(begin);
    if (this.#definition.provides === 'batch') this.#emitter.collect();
    return this.#guarded(() => instance.beginBatch(begin), undefined);
  }

  #end(end: EndMessage, frame: FrameSlice): MaybePromise {
    const instance = this.#ready('the end of a batch');
    const { tmax: time } = end;
    const streamed = this.#streamed;
    if (streamed) {
      this.#streamed = undefined;
      const head = headOf(streamed, end);
      const called = this.#guarded(() => instance.endBatch({ ...head, time }), undefined);
      if (called) {
        return called.then(() => {
          this.#emitter.endBatch(head, time);
        });
      }
      this.#emitter.endBatch(head, time);
      return undefined;
    }
    const collected = this.#collected;
    if (!collected) throw new UdfError('protocol', 'a batch ended that had not begun');
    this.#collected = undefined;
    const batch = collected.end(end, frame);
    this.#emitter.from(batch);
    return this.#guarded(() => instance.batch(batch), batch);
  }

  #ready(what: string): Instance {
    if (!this.#instance) throw new UdfError('protocol', `${what} came before init`);
    return this.#instance;
  }

  // ---- failures ----

  /** Calls a handler under the error policy; `input` is what `pass` would send on. */
  #guarded(call: () => MaybePromise, input: LazyPoint | LazyBatch | undefined): MaybePromise {
    try {
      return call()?.catch((reason: unknown) => {
        this.#failed(reason, input);
      });
    } catch (reason) {
      this.#failed(reason, input);
      return undefined;
    }
  }

  /** Applies the error policy. Throws if it is to stop. */
  #failed(reason: unknown, input: LazyPoint | LazyBatch | undefined): void {
    // No policy lets memory grow, or goes on with bytes that are broken: those show when a handler looks at a point.
    if (reason instanceof UdfError && (reason.code === 'limit' || reason.code === 'malformed')) throw reason;
    this.#counters.errors++;
    const { onError } = this.#ready('a failure');
    const what = input instanceof LazyBatch ? 'batch' : 'point';
    const where = input ? ` on the ${what} of group "${input.group}" at ${input.time}` : '';
    const message = `${this.#definition.name}: task ${this.#task}: ${messageOf(reason)}${where}`;
    if (onError === 'stop') throw new UdfError('handler', message, { cause: reason });
    this.#failures.error(
      () => ({ code: 'handler', err: UdfError.from(reason, 'handler') }),
      `${message}; ${onError === 'pass' && input ? 'passed on unchanged' : 'dropped'}`,
    );
    if (onError !== 'pass' || !input) return;
    if (input instanceof LazyBatch) this.#emitter.batch(input);
    else this.#emitter.emit(input);
  }
}

/** The first byte of a Request that is a keepalive: field 3, length-delimited. */
const keepaliveTag = 0x1a;

function infoOf({ wants, provides, options }: UdfDefinition): Response {
  const types = Object.entries(options).map(
    ([name, { args }]) => [name, args.map(({ type }) => type)] as const,
  );
  return { kind: 'info', wants, provides, options: Object.fromEntries(types) };
}

function udfLog(logger: Logger): UdfLog {
  return {
    debug: (message, details = {}) => {
      logger.debug(details, message);
    },
    info: (message, details = {}) => {
      logger.info(details, message);
    },
    warn: (message, details = {}) => {
      logger.warn(details, message);
    },
    error: (message, details = {}) => {
      logger.error(details, message);
    },
  };
}
