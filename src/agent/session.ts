import { promisify } from 'node:util';
import { capText } from '../model/text.js';
import { isUdfError, messageOf, UdfError } from '../model/errors.js';
import type { OptionCall } from '../model/option-call.js';
import type { Logger } from '../telemetry/logger.js';
import { RateLimitedLogger } from '../telemetry/rate-limited-logger.js';
import type { UdfDefinition, UdfLog } from '../udf/definition.js';
import { type FrameSlice, LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import {
  type BeginMessage,
  decodeRequest,
  encodeResponse,
  type EndMessage,
  type Response,
} from '../wire/messages.js';
import { snapshotFrameStart } from '../wire/framing.js';
import { keepaliveTag } from '../wire/tags.js';
import { CollectedBatch, headOf } from './collected-batch.js';
import type { Counters } from './counters.js';
import type { InstanceDefaults } from './defaults.js';
import { Instance, type MaybePromise } from './instance.js';
import type { Limits } from './limits.js';
import type { Output } from './output.js';
import type { OutputGuard } from './output-guard.js';
import { isMigrationRefusal, readSnapshot, type SnapshotOwner, writeSnapshot } from './state/snapshot.js';

/** What a session gets from its connection. */
export interface SessionOptions extends InstanceDefaults {
  readonly definition: UdfDefinition;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly strictRestore?: boolean | undefined;
  readonly output: Output;
  readonly guard: OutputGuard;
  readonly counters: Counters;
  readonly signal: AbortSignal;
  /** Ends the connection once all is sent. Kapacitor does not do so after a refused init or restore. */
  close(reason: UdfError): void;
}

/**
 * The meaning of each request, without reading and writing of bytes. Requests are handled one after the other: the
 * caller awaits a returned promise before it passes the next request.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #definition: UdfDefinition;
  readonly #output: Output;
  readonly #guard: OutputGuard;
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
    this.#output = options.output;
    this.#guard = options.guard;
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
    if (request.kind !== 'keepalive') return false; // several kinds in one request: the last one counts
    this.#reply(request);
    return true;
  }

  /** An error's message as Kapacitor shows it: with the UDF and the task. */
  errorText({ message }: Error): string {
    const { name } = this.#definition;
    if (message.startsWith(`${name}: `)) return capText(message);
    return capText(this.#task === '' ? `${name}: ${message}` : `${name}: task ${this.#task}: ${message}`);
  }

  // ---- management ----

  #reply(response: Response): void {
    this.#output.send(encodeResponse(response));
  }

  #init(request: { taskID: string; nodeID: string; options: readonly OptionCall[] }): void {
    if (this.#instance) throw new UdfError('protocol', 'init came twice');
    const { definition, guard, counters, signal } = this.#options;
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
        guard,
        count: (counter, by = 1) => {
          counters.count(counter, by);
        },
        log: udfLog(this.#logger),
      });
    } catch (reason) {
      const error = UdfError.from(reason, 'handler');
      this.#logger.warn({ code: error.code, err: error }, capText(`init refused: ${error.message}`));
      this.#reply({ kind: 'init', success: false, error: this.errorText(error) });
      this.#options.close(error);
      return;
    }
    this.#logger.info({}, 'task started');
    this.#reply({ kind: 'init', success: true, error: '' });
  }

  async #snapshot(): Promise<void> {
    const instance = this.#ready('a snapshot request');
    const { snapshotBytes } = this.#options.limits;
    const { pieces, size } = await writeSnapshot(this.#owner(instance), instance.groups, snapshotBytes);
    this.#output.sendExempt([snapshotFrameStart(size), ...pieces]);
  }

  async #restore(snapshot: Uint8Array): Promise<void> {
    const instance = this.#ready('a restore request');
    const { groups } = instance;
    const { snapshotBytes } = this.#options.limits;
    if (snapshot.length > snapshotBytes) {
      throw new UdfError(
        'limit',
        `a snapshot of ${snapshot.length} bytes is above the limit of ${snapshotBytes} (snapshotBytes)`,
      );
    }
    groups.clear();
    try {
      const changes = await readSnapshot(this.#owner(instance), groups, snapshot);
      if (changes.length > 0) {
        const what = `the state depends on options that have changed since the snapshot: ${changes.join(', ')}`;
        this.#logger.warn({}, capText(`${this.#definition.name}: ${what}; starting with fresh state`));
      }
    } catch (reason) {
      groups.clear();
      const error = UdfError.from(reason);
      const message = capText(`${this.#definition.name}: cannot restore: ${error.message}`);
      if (this.#options.strictRestore) {
        this.#logger.error({ code: error.code, err: error }, message);
        this.#reply({ kind: 'restore', success: false, error: message });
        this.#options.close(error);
        return;
      }
      // A refusal would fail the task each time it is enabled, until somebody deletes it.
      if (isMigrationRefusal(error.cause)) {
        this.#logger.warn({ code: error.code }, `${message}; starting with fresh state`);
      } else {
        this.#logger.error({ code: error.code, err: error }, `${message}; starting with fresh state`);
      }
    }
    this.#reply({ kind: 'restore', success: true, error: '' });
  }

  #owner(instance: Instance): SnapshotOwner {
    const { name, version, handlers, options } = this.#definition;
    return {
      name,
      version,
      migrate: handlers.migrate,
      options: instance.stateOptions,
      defaults: Object.fromEntries(Object.entries(options).map(([key, spec]) => [key, spec.default])),
      checkState: (state) => {
        instance.checkState(state);
      },
      inspect: (state) => {
        instance.inspectState(state);
      },
    };
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
    Object.freeze(begin.tags);
    this.#streamed = Object.freeze(begin);
    this.#guard.fromBatch(begin);
    if (this.#definition.provides === 'batch') this.#guard.beginBatch();
    return this.#guarded(() => instance.beginBatch(begin), undefined);
  }

  #end(end: EndMessage, frame: FrameSlice): MaybePromise {
    const instance = this.#ready('the end of a batch');
    const { tmax: time } = end;
    const streamed = this.#streamed;
    if (streamed) {
      this.#streamed = undefined;
      const head = headOf(streamed, end);
      const called = this.#guarded(() => instance.endBatch(Object.freeze({ ...head, time })), undefined);
      if (called) {
        return called.then(() => {
          this.#guard.endBatch(head, time);
        });
      }
      this.#guard.endBatch(head, time);
      return undefined;
    }
    const collected = this.#collected;
    if (!collected) throw new UdfError('protocol', 'a batch ended that had not begun');
    this.#collected = undefined;
    const batch = collected.end(end, frame);
    this.#guard.fromBatch(batch);
    return this.#guarded(() => instance.batch(batch), batch);
  }

  #ready(what: string): Instance {
    if (!this.#instance) throw new UdfError('protocol', `${what} came before init`);
    return this.#instance;
  }

  // ---- the end of the input ----

  get hasStop(): boolean {
    return this.#instance !== undefined && this.#definition.handlers.stop !== undefined;
  }

  /**
   * Calls `stop` for each group. Other connections, and heartbeats on this one, get their turn meanwhile; while Kapacitor
   * does not read, it waits. `startTimer` limits each async call.
   */
  async stop(startTimer: () => NodeJS.Timeout | undefined): Promise<void> {
    const instance = this.#ready('the end of the input');
    const { signal } = this.#options;
    this.#collected = this.#streamed = undefined;
    this.#guard.endInput(this.#definition.provides);
    let pauseAt = performance.now() + maxSliceMs;
    for (const group of instance.groupsToStop()) {
      const called = this.#guarded(
        () => instance.stop(group),
        undefined,
        () => ` in stop of group "${instance.groupName(group)}"`,
      );
      if (called) {
        const timer = startTimer();
        await called.finally(() => {
          clearTimeout(timer);
        });
      }
      if (this.#output.blocked) await this.#output.unblocked(signal);
      if (performance.now() >= pauseAt) {
        await turn();
        pauseAt = performance.now() + maxSliceMs;
      }
      if (signal.aborted) return;
    }
  }

  // ---- failures ----

  /** Calls a handler under the error policy; `input` is what `pass` would send on. */
  #guarded(
    call: () => MaybePromise,
    input: LazyPoint | LazyBatch | undefined,
    where?: () => string,
  ): MaybePromise {
    try {
      return call()?.catch((reason: unknown) => {
        this.#failed(reason, input, where);
      });
    } catch (reason) {
      this.#failed(reason, input, where);
      return undefined;
    }
  }

  /** Applies the error policy. Throws if it is to stop. */
  #failed(reason: unknown, input: LazyPoint | LazyBatch | undefined, where = () => placeOf(input)): void {
    // A limit, or broken bytes that a handler has met in a point, end the connection under any policy.
    if (isUdfError(reason) && (reason.code === 'limit' || reason.code === 'malformed')) throw reason;
    this.#counters.errors++;
    const { onError } = this.#ready('a failure');
    const thrown = capText(messageOf(reason), maxReasonBytes);
    const message = `${this.#definition.name}: task ${this.#task}: ${thrown}${where()}`;
    if (onError === 'stop') throw new UdfError('handler', message, { cause: reason });
    this.#failures.error(
      () => ({ code: 'handler', err: UdfError.from(reason, 'handler') }),
      capText(`${message}; ${onError === 'pass' && input ? 'passed on unchanged' : 'dropped'}`),
    );
    if (onError !== 'pass' || !input) return;
    this.#guard.passOn(input);
  }
}

/** Max bytes of a thrown error's own text: what follows says where, and must fit behind it. */
const maxReasonBytes = 7 * 1024;

/** Max time that `stop` handlers run before sockets and timers get their turn. */
const maxSliceMs = 5;

const turn = promisify(setImmediate);

/** Where a handler failed, by its input. */
function placeOf(input: LazyPoint | LazyBatch | undefined): string {
  if (!input) return '';
  const what = input instanceof LazyBatch ? 'batch' : 'point';
  return ` on the ${what} of group "${input.group}" at ${input.time}`;
}

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
