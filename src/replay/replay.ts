import { type Agent, createAgent } from '../agent/agent.js';
import type { InstanceDefaults } from '../agent/defaults.js';
import { UdfError } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { Pace } from '../recording/pace.js';
import { memoryTransportPair } from '../transport/memory-transport.js';
import type { Transport } from '../transport/transport.js';
import type { Batch } from '../model/batch.js';
import { isUdfDefinition, type UdfDefinition } from '../udf/definition.js';
import type { Point } from '../model/point.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import { LazyPoint } from '../wire/point/lazy-point.js';
import type { InfoMessage, OptionMessage } from '../wire/messages.js';
import { batchesOf } from '../recording/groups.js';
import { createKapacitorPeer, type KapacitorPeer } from '../peer/kapacitor-peer.js';
import { memoryLogger } from '../telemetry/memory-logger.js';
import type { LooseOptions } from '../peer/options.js';
import { ProtocolFailure } from '../peer/protocol-failure.js';

/** Called with each point or batch that is emitted; while a promise that it returns is pending, nothing more is read. */
type EmitHandler<Output> = (output: Output) => Promise<void> | undefined;

export interface ReplayOptions extends InstanceDefaults {
  /** By name, as a TICKscript calls them (`.field('value')`), or made from the option types that the UDF declares. */
  readonly options?: string | readonly OptionMessage[] | LooseOptions | OptionsOf | undefined;
  /** How many times faster than recorded: 1 keeps the recorded pace; `Infinity`, the default, does not wait. */
  readonly speed?: number | undefined;
  /** Called with each emitted point, which is then not kept in the result. */
  readonly onPoint?: EmitHandler<Point> | undefined;
  /** Called with each emitted batch, which is then not kept in the result. */
  readonly onBatch?: EmitHandler<Batch> | undefined;
  /** Called with each point or batch that goes in. */
  readonly onInput?: ((input: Point | Batch) => void) | undefined;
  /** Ends the replay, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Where the UDF and the runtime log to; nowhere if not given. */
  readonly logger?: Logger | undefined;
}

type OptionsOf = (types: InfoMessage['options']) => readonly OptionMessage[];

/** The result of a replay. */
export interface Replay {
  /** What was emitted, unless `onPoint` or `onBatch` took it. */
  readonly points: readonly Point[];
  readonly batches: readonly Batch[];
  /** Points that went in and came out, those of batches too. */
  readonly pointsIn: number;
  readonly pointsOut: number;
  readonly batchesIn: number;
  readonly batchesOut: number;
  /** Handler calls that failed without ending the task; `undefined` for an agent of another process. */
  readonly errors: number | undefined;
  /** The UDF's own counters, such as `missing`; empty for an agent of another process. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Points that are collected into batches are held in memory. */
const maxCollected = 1_000_000;

/**
 * Runs a recording through a UDF as a task would, and resolves when the UDF has emitted everything. The UDF is a
 * definition, which runs in this process behind the real agent and real frames, or a connection to an agent in any
 * language. Memory does not grow with the recording if `onPoint` and `onBatch` are given.
 *
 * A UDF that wants batches gets the points of the whole recording, at most a million, as one batch per group.
 *
 * Rejects with a `ProtocolFailure` for what would end the task, such as `init-refused` and `error-response`, with
 * `invalid_argument` if the UDF wants points and the recording holds batches, and with what the recording throws.
 */
export async function replay(
  recording: AsyncIterable<readonly (Point | Batch)[]>,
  udf: UdfDefinition | Transport,
  options: ReplayOptions = {},
): Promise<Replay> {
  return new Run(udf, options).play(recording);
}

class Run {
  readonly #options: ReplayOptions;
  readonly #agent: Agent | undefined;
  readonly #kapacitor: KapacitorPeer;
  readonly #pace: Pace;
  readonly #counts = { pointsIn: 0, pointsOut: 0, batchesIn: 0, batchesOut: 0 };
  readonly #points: Point[] = [];
  readonly #batches: Batch[] = [];
  #pending = 0;
  #handlerFailure: { readonly reason: unknown } | undefined;

  constructor(udf: UdfDefinition | Transport, options: ReplayOptions) {
    this.#options = options;
    this.#pace = new Pace(options.speed ?? Infinity);
    let transport = udf as Transport; // unless it is a definition
    if (isUdfDefinition(udf)) {
      const [agentSide, kapacitorSide] = memoryTransportPair();
      transport = kapacitorSide;
      const { logger = memoryLogger([]), onError, groupTtl, maxGroups } = options;
      this.#agent = createAgent({
        definition: udf,
        transport: agentSide,
        logger,
        onError,
        groupTtl,
        maxGroups,
      });
    }
    // An agent in this process cannot hang up; one in another may, and a slow one may take long to answer.
    const timeouts = this.#agent
      ? { keepaliveTimeoutMs: 0, answerTimeoutMs: 24 * 60 * 60 * 1000 }
      : { keepaliveTimeoutMs: 10_000, answerTimeoutMs: 60_000 };
    this.#kapacitor = createKapacitorPeer(transport, {
      ...timeouts,
      taskId: 'replay',
      writes: 'coalesced',
      onPoint: (point) => {
        this.#counts.pointsOut++;
        this.#take(point, options.onPoint, this.#points);
      },
      onBatch: (batch) => {
        this.#counts.batchesOut++;
        this.#counts.pointsOut += batch.points.length;
        this.#take(batch, options.onBatch, this.#batches);
      },
    });
  }

  async play(recording: AsyncIterable<readonly (Point | Batch)[]>): Promise<Replay> {
    const { signal } = this.#options;
    const onAbort = (): void => {
      this.#failWith(signal?.reason);
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
      throw this.#withPlace(reason);
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
        if (item instanceof LazyBatch) throw holdsBatches();
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

  #take<Output>(output: Output, handler: EmitHandler<Output> | undefined, kept: Output[]): void {
    if (!handler) {
      kept.push(output);
      return;
    }
    if (this.#handlerFailure) return;
    let busy: Promise<void> | undefined;
    try {
      busy = handler(output);
    } catch (reason) {
      this.#failWith(reason);
    }
    if (!busy) return;
    this.#pending++;
    this.#kapacitor.pauseReading();
    busy.then(
      () => {
        if (--this.#pending === 0) this.#kapacitor.resumeReading();
      },
      (reason: unknown) => {
        this.#failWith(reason);
      },
    );
  }

  /** A handler failed: the replay ends with its reason. */
  #failWith(reason: unknown): void {
    this.#handlerFailure ??= { reason };
    this.#kapacitor.abort();
  }

  /** Adds how far the recording was read. */
  #withPlace(reason: unknown): unknown {
    if (this.#handlerFailure) return this.#handlerFailure.reason;
    if (!(reason instanceof ProtocolFailure)) return reason;
    const handled = this.#agent?.stats.pointsIn ?? 0;
    const place = handled > 0 ? ` (at point ${handled} of the recording)` : '';
    return reason.withContext(place, this.#agent?.failure);
  }
}

function holdsBatches(): UdfError {
  return new UdfError('invalid_argument', 'the UDF wants points, and the recording holds batches');
}
