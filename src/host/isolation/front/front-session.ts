import { failConnection } from '../../../agent/connection-failure.js';
import type { Counters } from '../../../agent/counters.js';
import { asksForStages, isAskedFor } from '../../../agent/instance-options.js';
import { lastReadTimeoutMs, type Lifetime } from '../../../agent/lifetime.js';
import type { Output } from '../../../agent/output.js';
import { refusedRestore } from '../../../agent/state-keeper.js';
import { UdfError } from '../../../model/errors.js';
import type { TaskUse, UseId } from '../../../model/statistics.js';
import type { Snapshot } from '../../../agent/state/snapshot.js';
import type { Logger } from '../../../telemetry/logger.js';
import { snapshotFrameStart } from '../../../wire/framing.js';
import { encodeResponse, type Request, type Response } from '../../../wire/messages.js';
import type { Supervisor } from '../supervisor/supervisor.js';
import type { UdfInfo } from '../worker/messages.js';
import { lastKnownSnapshot, whileAway } from './away-answers.js';
import type { FrontState } from './front-state.js';
import type { Ticks } from './ticks.js';

export interface FrontSessionOptions {
  readonly udf: UdfInfo;
  readonly counters: Counters;
  readonly output: Output;
  readonly supervisor: Supervisor;
  readonly state: FrontState;
  readonly lifetime: Lifetime;
  /** For a UDF with timers. */
  readonly ticks: Ticks | undefined;
  readonly logger: Logger;
}

/**
 * Kapacitor's management requests: answers keepalive and info, passes init, snapshot and restore to the worker, and ends the
 * conversation if one of them is refused.
 */
export class FrontSession {
  readonly #options: FrontSessionOptions;
  #use: TaskUse | undefined;
  #logger: Logger;

  constructor(options: FrontSessionOptions) {
    this.#options = options;
    this.#logger = options.logger;
  }

  /** The task and node; `undefined` before init. */
  get use(): TaskUse | undefined {
    return this.#use;
  }

  /** To be read after init. */
  get useId(): UseId {
    return { ...this.#use!, udf: this.#options.udf.name };
  }

  /** Adds the UDF, and after init the task and node, to each line. */
  get logger(): Logger {
    return this.#logger;
  }

  /** Handles a request, whose frame is given too. Throws `protocol` for one out of order. */
  request(request: Request, frame: Buffer): void {
    const { output, udf } = this.#options;
    switch (request.kind) {
      case 'keepalive':
        output.send(encodeResponse(request));
        return;
      case 'info':
        output.send(encodeResponse({ kind: 'info', ...udf }));
        return;
      case 'init':
        this.#init(request, frame);
        return;
      case 'snapshot':
        this.requireInit('a snapshot request');
        this.#snapshot(performance.now());
        return;
      case 'restore':
        this.requireInit('a restore request');
        this.#restore(request.snapshot);
        return;
      default:
        throw new UdfError('malformed', `a message of kind "${request.kind}" begins like none of its kind`);
    }
  }

  /** Throws `protocol` before init. */
  requireInit(what: string): void {
    if (this.#use === undefined) throw new UdfError('protocol', `${what} came before init`);
  }

  #init(request: Extract<Request, { kind: 'init' }>, frame: Buffer): void {
    if (this.#use !== undefined) throw new UdfError('protocol', 'init came twice');
    const { state, supervisor, udf, ticks } = this.#options;
    if (!isAskedFor(udf.timersOnlyWith, request.options)) ticks?.disable();
    this.#use = { task: request.taskID, node: request.nodeID };
    this.#logger = this.#logger.child({ ...this.#use });
    if (asksForStages(request.options)) supervisor.state.isStateful = true;
    state.start(this.useId, this.#logger);
    supervisor.start(Buffer.from(frame), this.#logger);
  }

  #snapshot(requestedAt: number): void {
    const { state, lifetime, output, counters, supervisor, udf } = this.#options;
    let isAnswered = false;
    const answer = ({ pieces, size }: Snapshot): void => {
      stopWaiting();
      if (isAnswered || !lifetime.isOpen) return;
      isAnswered = true;
      counters.snapshotSince(requestedAt, output.sendExempt([snapshotFrameStart(size), ...pieces]));
    };
    const stopWaiting = whileAway(supervisor, () => {
      this.#logger.warn({}, 'the remote host is away: Kapacitor gets the last state that it has given');
      answer(lastKnownSnapshot(supervisor, udf.name));
    });
    state.snapshot(answer);
  }

  #restore(snapshot: Uint8Array): void {
    const { state, lifetime, udf } = this.#options;
    state.restore(snapshot, (refusal) => {
      if (!lifetime.isOpen) return;
      if (refusal) this.respond(refusedRestore(udf.name, refusal), refusal);
      else this.respond({ kind: 'restore', success: true, error: '' });
    });
  }

  /** Answers a request. With `refusal`, the connection ends after it: Kapacitor does not close it. */
  respond(response: Response, refusal?: UdfError): void {
    const { output, lifetime } = this.#options;
    try {
      if (response.kind === 'init' && response.success) this.#logger.info({}, 'task started');
      output.send(encodeResponse(response));
    } catch (reason) {
      this.fail(UdfError.from(reason));
    }
    if (refusal === undefined) return;
    lifetime.noteFailure(refusal);
    lifetime.close({ timeoutMs: lastReadTimeoutMs });
  }

  /** Forwards the UDF's own error response, after which Kapacitor ends the task. */
  failedByUdf(frame: Buffer): void {
    const { lifetime } = this.#options;
    lifetime.noteFailure(new UdfError('handler', 'the UDF has ended the task'));
    lifetime.close({ lastFrame: frame, timeoutMs: lastReadTimeoutMs, untilPeerCloses: true });
  }

  /** Ends the conversation with an error. */
  fail(error: UdfError): void {
    const { udf, lifetime } = this.#options;
    failConnection(error, { udf: udf.name, use: this.#use, lifetime, logger: this.#logger });
  }
}
