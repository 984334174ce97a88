import { type Agent, createAgent } from '../agent/agent.js';
import { DrivenClock } from '../agent/timers/wall-clock.js';
import type { InstanceDefaults } from '../agent/defaults.js';
import type { StateStore } from '../agent/state-store.js';
import { maxTimerMs } from '../model/duration.js';
import { UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { Pace } from '../recording/pace.js';
import { memoryTransportPair } from '../transport/memory-transport.js';
import type { Transport } from '../transport/transport.js';
import type { Batch } from '../model/batch.js';
import { isUdfDefinition, type UdfDefinition } from '../udf/definition.js';
import type { Point } from '../model/point.js';
import type { OptionCall } from '../model/option-call.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import type { InfoMessage } from '../wire/messages.js';
import { WatchedHandlers } from '../expect/watched-handlers.js';
import { batchesOf } from '../recording/groups.js';
import { createKapacitorPeer, type KapacitorPeer } from '../peer/kapacitor-peer.js';
import { memoryLogger } from '../telemetry/memory-logger.js';
import type { LooseOptions } from '../peer/options.js';
import { ProtocolFailure } from '../peer/protocol-failure.js';

/** Called with each emitted point or batch; while a returned promise is pending, reading pauses. */
type EmitHandler<Output> = (output: Output) => Promise<void> | undefined;

export interface ReplayOptions extends InstanceDefaults {
  /** As a record by name, as TICKscript (`.field('value')`), as calls, or derived from the UDF's declared types. */
  readonly options?: string | readonly OptionCall[] | LooseOptions | OptionsOf | undefined;
  /** Speed relative to the recording's times: 1 is real time; `Infinity`, the default, does not wait. */
  readonly speed?: number | undefined;
  /** Called with each emitted point, which is then not in the result. */
  readonly onPoint?: EmitHandler<Point> | undefined;
  /** Called with each emitted batch, which is then not in the result. */
  readonly onBatch?: EmitHandler<Batch> | undefined;
  /** Called with each point or batch before it is sent. */
  readonly onInput?: ((input: Point | Batch) => void) | undefined;
  /** Ends the replay, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Logger of the UDF and the runtime; none by default. */
  readonly logger?: Logger | undefined;
}

type OptionsOf = (types: InfoMessage['options']) => readonly OptionCall[];

/** The result of a replay. */
export interface Replay {
  /** Emitted points and batches, unless `onPoint` or `onBatch` is given. */
  readonly points: readonly Point[];
  readonly batches: readonly Batch[];
  /** Points sent and emitted, including those of batches. */
  readonly pointsIn: number;
  readonly pointsOut: number;
  readonly batchesIn: number;
  readonly batchesOut: number;
  /** Handler calls that failed without ending the task; `undefined` for an agent of another process. */
  readonly errors: number | undefined;
  /** The UDF's own counters, such as `missing`; empty for an agent of another process. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Max points held in memory to form batches. */
const maxCollected = 1_000_000;

/**
 * Runs a recording through a UDF as a task would, and resolves when the UDF has emitted everything. The UDF is a
 * definition, which runs in this process on the real agent and protocol, or a connection to an agent in any language.
 * Memory does not grow with the recording if `onPoint` and `onBatch` are given.
 *
 * Its time of day is that of the recording: the newest time of a point or batch so far. So a timer of the wall clock fires
 * as it did when the recording was made, before the first input after it. When the recording ends, time ends too.
 *
 * For a UDF that wants batches, the points of the whole recording, at most a million, form one batch per group.
 *
 * Rejects with a `ProtocolFailure` for what would end the task, such as `init-refused` and `error-response`,
 * `invalid_argument` if the UDF wants points and the recording contains batches, `limit` for too many points to form
 * batches, and the errors of the recording.
 */
export async function replay(
  recording: AsyncIterable<readonly (Point | Batch)[]>,
  udf: UdfDefinition | Transport,
  options: ReplayOptions = {},
): Promise<Replay> {
  return new RecordingRun(udf, options).play(recording);
}

/** Keeps no state, but makes the agent encode it at the end: one that cannot be saved is logged, as with a real store. */
const checkingStore: StateStore = {
  load: () => Promise.resolve(undefined),
  save: () => Promise.resolve(),
  onReplace: () => () => undefined,
};

class RecordingRun {
  readonly #options: ReplayOptions;
  readonly #agent: Agent | undefined;
  readonly #kapacitor: KapacitorPeer;
  readonly #pace: Pace;
  readonly #counts = { pointsIn: 0, pointsOut: 0, batchesIn: 0, batchesOut: 0 };
  readonly #points: Point[] = [];
  readonly #batches: Batch[] = [];
  #pendingHandlers = 0;
  #abortReason: { readonly reason: unknown } | undefined;

  constructor(udf: UdfDefinition | Transport, options: ReplayOptions) {
    this.#options = options;
    this.#pace = new Pace(options.speed ?? Infinity);
    let transport = udf as Transport; // replaced below for a definition
    if (isUdfDefinition(udf)) {
      const [agentSide, kapacitorSide] = memoryTransportPair();
      transport = kapacitorSide;
      const { logger = memoryLogger([]), onError, groupTtl, maxGroups } = options;
      const watched = new WatchedHandlers(udf);
      watched.explain({ points: this.#points, batches: this.#batches });
      this.#agent = createAgent({
        definition: watched.definition,
        transport: agentSide,
        logger,
        onError,
        groupTtl,
        maxGroups,
        stateStore: checkingStore,
        stateIntervalMs: maxTimerMs,
        clock: new DrivenClock(0n, true),
      });
    }
    // An agent in this process cannot disconnect, and a debugger may pause it; one in another process may hang.
    const timeouts = this.#agent
      ? { keepaliveTimeoutMs: 0, answerTimeoutMs: 24 * 60 * 60 * 1000 }
      : { keepaliveTimeoutMs: 10_000, answerTimeoutMs: 60_000 };
    this.#kapacitor = createKapacitorPeer(transport, {
      ...timeouts,
      taskId: 'replay',
      writes: 'coalesced',
      onPoint: (point) => {
        this.#counts.pointsOut++;
        this.#handleOutput(point, options.onPoint, this.#points);
      },
      onBatch: (batch) => {
        this.#counts.batchesOut++;
        this.#counts.pointsOut += batch.points.length;
        this.#handleOutput(batch, options.onBatch, this.#batches);
      },
    });
  }

  async play(recording: AsyncIterable<readonly (Point | Batch)[]>): Promise<Replay> {
    const { signal } = this.#options;
    const onAbort = (): void => {
      this.#abort(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort);
    try {
      signal?.throwIfAborted();
      const { wants, options: types } = await this.#kapacitor.info();
      const { options = '' } = this.#options;
      // `OptionsOf` is the only function among the types of `options`.
      await this.#kapacitor.init(typeof options === 'function' ? options(types) : options);
      if (wants === 'stream') await this.#stream(recording);
      else await this.#collect(recording);
      await this.#kapacitor.stop();
    } catch (reason) {
      throw this.#withPosition(reason);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#kapacitor.abort();
    }
    await this.#agent?.closed;
    const { points, batches } = { points: this.#points, batches: this.#batches };
    const { errors, counters = {} } = this.#agent?.stats ?? { errors: undefined };
    return { points, batches, ...this.#counts, errors, counters };
  }

  async #stream(recording: AsyncIterable<readonly (Point | Batch)[]>): Promise<void> {
    for await (const items of recording) {
      for (const item of items) {
        if (item instanceof LazyBatch) throw unexpectedBatches();
        const due = this.#pace.until(item.time);
        if (due) await due;
        if (!this.#send(item as Point)) await this.#kapacitor.drained();
      }
    }
  }

  async #collect(recording: AsyncIterable<readonly (Point | Batch)[]>): Promise<void> {
    let collected: LazyPoint[] = [];
    const sendCollected = async (): Promise<void> => {
      for (const batch of batchesOf(collected)) await this.#sendBatch(batch);
      collected = [];
    };
    for await (const items of recording) {
      for (const item of items) {
        if (item instanceof LazyPoint) collected.push(item);
        else {
          await sendCollected();
          await this.#sendBatch(item as Batch); // an item is a point or a batch
        }
      }
      if (collected.length > maxCollected) {
        throw new UdfError(
          'limit',
          `the UDF wants batches, and more than ${maxCollected} points cannot be made into one; replay a .brpl recording`,
        );
      }
    }
    await sendCollected();
  }

  async #sendBatch(batch: Batch): Promise<void> {
    await this.#pace.until(batch.time);
    this.#options.onInput?.(batch);
    this.#counts.batchesIn++;
    this.#counts.pointsIn += batch.points.length;
    if (!this.#kapacitor.batch(batch)) await this.#kapacitor.drained();
  }

  #send(point: Point): boolean {
    this.#options.onInput?.(point);
    this.#counts.pointsIn++;
    return this.#kapacitor.point(point);
  }

  #handleOutput<Output>(output: Output, handler: EmitHandler<Output> | undefined, kept: Output[]): void {
    if (!handler) {
      kept.push(output);
      return;
    }
    if (this.#abortReason) return;
    let pending: Promise<void> | undefined;
    try {
      pending = handler(output);
    } catch (reason) {
      this.#abort(reason);
    }
    if (!pending) return;
    this.#pendingHandlers++;
    this.#kapacitor.pauseReading();
    pending.then(
      () => {
        if (--this.#pendingHandlers === 0) this.#kapacitor.resumeReading();
      },
      (reason: unknown) => {
        this.#abort(reason);
      },
    );
  }

  /** Ends the replay with the reason of a failed handler or an abort. */
  #abort(reason: unknown): void {
    this.#abortReason ??= { reason };
    this.#kapacitor.abort();
  }

  /** Adds the position in the recording to a protocol failure. */
  #withPosition(reason: unknown): unknown {
    if (this.#abortReason) return this.#abortReason.reason;
    if (!(reason instanceof ProtocolFailure)) return reason;
    const handled = this.#agent?.stats.pointsIn ?? 0;
    const place = handled > 0 ? ` (at point ${handled} of the recording)` : '';
    return reason.withContext(place, this.#agent?.failure);
  }
}

function unexpectedBatches(): UdfError {
  return new UdfError('invalid_argument', 'the UDF wants points, and the recording holds batches');
}
