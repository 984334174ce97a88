import type { Agent, AgentOptions, DataObserver } from '../../../agent/agent.js';
import { Counters } from '../../../agent/counters.js';
import { EndGuard } from '../../../agent/end-guard.js';
import { Input } from '../../../agent/input.js';
import { Lifetime, outputEvents } from '../../../agent/lifetime.js';
import { resolveLimits } from '../../../agent/limits.js';
import { Output } from '../../../agent/output.js';
import type { DeadLetters } from '../../../model/dead-letters.js';
import { UdfError } from '../../../model/errors.js';
import type { AgentStats, TaskUse } from '../../../model/statistics.js';
import type { Transport } from '../../../transport/transport.js';
import { decodeRequest } from '../../../wire/messages.js';
import { beginTag0, endTag0, pointTag0 } from '../../../wire/tags.js';
import { Feed } from '../supervisor/feed.js';
import { Supervisor, type SupervisorEvents } from '../supervisor/supervisor.js';
import type { UdfInfo } from '../worker/messages.js';
import type { WorkerSource } from '../worker/worker-supply.js';
import { endedWhileAway, whileAway } from './away-answers.js';
import { FlowControl } from './flow-control.js';
import { FrontSession } from './front-session.js';
import { FrontState } from './front-state.js';
import { JournalWriter } from './journal-writer.js';
import { Ticks } from './ticks.js';

export interface IsolatedAgentOptions extends Omit<AgentOptions, 'definition' | 'progress'> {
  readonly workers: WorkerSource;
  readonly udf: UdfInfo;
  /** Milliseconds between two internal snapshots at most, while there is input. */
  readonly snapshotIntervalMs: number;
}

/** An agent whose UDF runs in a worker. */
export interface IsolatedAgent extends Agent {
  /**
   * Replaces the worker by one that runs the present code of the modules, with the same state. Rejects with
   * `invalid_module` or `snapshot_migration` if that is impossible: the old worker continues then.
   */
  reload(): Promise<void>;
}

/**
 * Serves a UDF on one connection, in a worker. This thread keeps the conversation: it answers keepalives and info, and passes
 * the rest on. A worker that ends by a fault is replaced without the peer noticing.
 */
export function createIsolatedAgent(options: IsolatedAgentOptions): IsolatedAgent {
  return new FrontAgent(options);
}

/**
 * The front of an isolated UDF: what Kapacitor sends goes into the journal that workers are fed from, and their output to
 * Kapacitor.
 */
class FrontAgent implements IsolatedAgent {
  readonly #transport: Transport;
  readonly #counters = new Counters();
  readonly #feed = new Feed();
  readonly #journal = new JournalWriter(this.#feed.journal);
  readonly #input: Input;
  readonly #output: Output;
  readonly #supervisor: Supervisor;
  readonly #lifetime: Lifetime;
  readonly #state: FrontState;
  readonly #session: FrontSession;
  readonly #flow: FlowControl;
  /** Only for a UDF with timers. */
  readonly #ticks: Ticks | undefined;
  /** Whether a tick is due: before the next data, or at the end of the open batch. */
  #isTickDue = false;
  /** Resolves when the connection is closed and its last state handed to the store. */
  readonly closed: Promise<void>;
  #isInBatch = false;
  /** The position after the end of the last batch. */
  #batchEnd = 0;
  /** The position of the input whose state is the last one, if that is not all of it. */
  #lastPosition: number | undefined;
  #ending: Promise<void> | undefined;
  #finalStats: AgentStats | undefined;
  #advance: NodeJS.Immediate | undefined;
  /** Ends the wait for a worker that is away as the input has ended. */
  #stopWaiting = (): void => undefined;

  constructor(options: IsolatedAgentOptions) {
    const { transport, udf, onError, groupTtl, maxGroups } = options;
    const limits = resolveLimits(options.limits);
    const logger = options.logger.child({ udf: udf.name });
    const common = { udf, limits, logger, feed: this.#feed, counters: this.#counters };
    this.#transport = transport;
    const ticks = udf.hasTimers
      ? new Ticks(this.#feed, () => {
          this.#tick();
        })
      : undefined;
    this.#ticks = ticks;
    this.#output = new Output(transport.output, this.#counters, limits.outputBytes);
    this.#input = new Input(transport.input, limits, (buf, frame, payload, end) => {
      this.#receive(buf, frame, payload, end);
    });
    this.#supervisor = new Supervisor({
      ...options,
      ...common,
      defaults: { onError, groupTtl, maxGroups },
      keepsLetters: options.deadLetters !== undefined,
      timeAt: ticks && ((position) => ticks.timeAt(position)),
      events: this.#supervisorEvents(options.deadLetters),
    });
    this.#state = new FrontState({
      ...options,
      udf: udf.name,
      limits,
      supervisor: this.#supervisor,
      isInBatch: () => this.#isInBatch,
      fail: (error) => {
        this.#session.fail(error);
      },
    });
    const endGuard = new EndGuard(this.#output, options.guardsEnd === true);
    this.#lifetime = new Lifetime(transport, {
      ...outputEvents(this.#output, endGuard, () => this.#session.logger),
      stopWork: () => {
        this.#flow.end();
        this.#ticks?.end();
        this.#stopWaiting();
        this.#input.stop();
        this.#output.end();
        this.#ending ??= this.#end();
      },
      closed: () => {
        if (this.use !== undefined) this.#session.logger.info({ stats: this.stats }, 'task ended');
      },
    });
    const parts = {
      input: this.#input,
      output: this.#output,
      supervisor: this.#supervisor,
      state: this.#state,
      lifetime: this.#lifetime,
    };
    this.#session = new FrontSession({ ...common, ...parts, ticks });
    this.#flow = new FlowControl({ ...common, ...parts });
    this.closed = this.#lifetime.closed.then(() => this.#ending);
    this.#listen(endGuard);
  }

  #supervisorEvents(deadLetters: DeadLetters | undefined): SupervisorEvents {
    return {
      output: (buf, frame, payload, end) => {
        this.#forward(buf, frame, payload, end);
      },
      flush: () => {
        this.#output.flush();
        return this.#output;
      },
      respond: (response, refusal) => {
        this.#session.respond(response, refusal);
      },
      letter: (letter) => {
        deadLetters?.add(this.#session.useId, letter);
      },
      snapshotTaken: (snapshot) => {
        this.#state.offer(snapshot);
      },
      failed: (frame, position) => {
        this.#lastPosition = position;
        this.#session.failedByUdf(frame);
      },
      giveUp: (error) => {
        this.#session.fail(error);
      },
      done: () => {
        this.#output.flush();
        this.#lifetime.close();
      },
      progress: () => {
        this.#ticks?.wakeAt(this.#supervisor.wakeAtMs);
        this.#updateFlow();
      },
    };
  }

  get failure(): UdfError | undefined {
    return this.#lifetime.failure;
  }

  get use(): TaskUse | undefined {
    return this.#session.use;
  }

  get stats(): AgentStats {
    const { pointsIn, pointsOut, batchesIn, batchesOut, bytesIn, bytesOut } = this.#counters;
    const { snapshots, lastSnapshot } = this.#counters;
    const stats = this.#finalStats ?? this.#supervisor.stats;
    return {
      ...stats,
      // Those that Kapacitor got, without the internal ones.
      snapshots,
      lastSnapshot,
      // Counted here, they do not include what a second worker repeats.
      pointsIn,
      pointsOut,
      batchesIn,
      batchesOut,
      bytesIn,
      bytesOut,
      failures: this.failure ? { [this.failure.code]: 1 } : {},
      inputQueuedBytes: this.#feed.unhandledBytes,
      outputQueuedBytes: this.#output.queuedBytes,
      restarts: { ...this.#supervisor.faults.counts },
    };
  }

  observe(observer: DataObserver | undefined): void {
    this.#input.observe(observer?.input);
    this.#output.observer = observer?.output;
  }

  drain(): Promise<void> {
    if (this.#lifetime.isOpen && !this.#input.ended) this.#endInput();
    return this.closed;
  }

  destroy(reason?: Error): void {
    this.#lifetime.destroy(reason);
  }

  async reload(): Promise<void> {
    if (this.use === undefined || !this.#lifetime.isOpen || this.#input.ended) return;
    await this.#supervisor.reload();
  }

  // ---- input ----

  #listen(endGuard: EndGuard): void {
    const { input, output } = this.#transport;
    input.on('data', (chunk: Buffer) => {
      this.#read(chunk);
    });
    input.once('end', () => {
      if (this.use !== undefined) endGuard.inputEnded();
      if (this.#input.midFrame || this.#isInBatch) this.#lifetime.noteTruncatedInput();
      this.#endInput();
    });
    output.on('drain', () => {
      this.#output.flush();
      this.#supervisor.outputSent(this.#output.sentBytes);
      this.#updateFlow();
    });
  }

  #read(chunk: Buffer): void {
    if (!this.#lifetime.isOpen || this.#input.ended) return;
    this.#counters.bytesIn += chunk.length;
    this.#isTickDue = this.#ticks?.isUsed === true;
    this.#output.beginTurn();
    try {
      this.#input.read(chunk);
      this.#journal.flush();
    } catch (reason) {
      this.#session.fail(UdfError.from(reason));
    }
    this.#output.endTurn(false);
    // All chunks that the system has are read first: a worker that waits is then woken once.
    this.#advance ??= setImmediate(() => {
      this.#advance = undefined;
      this.#state.saveIfDue();
      this.#supervisor.advance(this.#isInBatch ? this.#batchEnd : this.#journal.end); // a no-op if the connection has failed
      this.#updateFlow();
    });
    this.#updateFlow();
  }

  #receive(buf: Buffer, frame: number, payload: number, end: number): void {
    if (this.#isTickDue && !this.#isInBatch && this.use !== undefined) {
      this.#isTickDue = false;
      this.#journal.flush();
      this.#ticks!.addBeforeInput(); // `#isTickDue` is only set where there are ticks
    }
    switch (buf[payload]) {
      case pointTag0:
        this.#counters.pointsIn++;
        break;
      case beginTag0:
        this.#counters.batchesIn++;
        this.#isInBatch = true;
        break;
      case endTag0:
        this.#isInBatch = false;
        this.#session.requireInit('data');
        this.#journal.add(buf, frame, end);
        this.#batchEnd = this.#journal.end;
        if (this.#isTickDue) {
          this.#isTickDue = false;
          this.#journal.flush();
          this.#ticks!.add(); // `#isTickDue` is only set where there are ticks
        }
        return;
      default:
        this.#journal.flush();
        this.#session.request(decodeRequest(buf.subarray(payload, end)), buf.subarray(frame, end));
        return;
    }
    this.#session.requireInit('data');
    this.#journal.add(buf, frame, end);
  }

  /** Adds a tick, as a timer of the worker is due; within a batch, after its end. */
  #tick(): void {
    if (!this.#lifetime.isOpen || this.#input.ended) return;
    if (this.#isInBatch) {
      this.#isTickDue = true;
      return;
    }
    this.#journal.flush();
    this.#ticks!.add(); // only `#ticks` calls this method
    this.#supervisor.advance(this.#journal.end);
    this.#updateFlow();
  }

  #endInput(): void {
    this.#input.end();
    if (!this.#lifetime.isOpen) return;
    if (this.use === undefined) {
      this.#lifetime.close();
      return;
    }
    this.#flow.end();
    this.#ticks?.end();
    this.#output.startHeartbeat();
    this.#state.saveAtEnd();
    this.#supervisor.end();
    this.#stopWaiting = whileAway(this.#supervisor, () => {
      this.#session.fail(endedWhileAway());
    });
  }

  /** Ends the worker, whose state is stored before if possible. */
  #end(): Promise<void> {
    // A worker that repeats input to give its state would count it again.
    if (this.#state.isUnsaved) this.#finalStats = this.#supervisor.stats;
    this.#journal.flush();
    return this.#state.end(this.#lastPosition ?? this.#feed.journal.end);
  }

  // ---- output ----

  #forward(buf: Buffer, frame: number, payload: number, end: number): void {
    switch (buf[payload]) {
      case pointTag0:
        this.#counters.pointsOut++;
        break;
      case beginTag0:
        this.#counters.batchesOut++;
        break;
      case endTag0:
        break;
      default:
        this.#session.fail(new UdfError('internal', `the worker wrote a message with tag ${buf[payload]}`));
        return;
    }
    try {
      this.#output.data(buf, frame, end);
    } catch (reason) {
      this.#session.fail(UdfError.from(reason));
    }
  }

  /** Pauses or resumes reading, of Kapacitor's side and of the worker's. */
  #updateFlow(): void {
    if (!this.#lifetime.isOpen) return;
    const error = this.#flow.update(this.#isInBatch);
    if (error) this.#session.fail(error);
  }
}
