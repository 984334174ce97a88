import { type Agent, createAgent } from '../agent/agent.js';
import type { InstanceDefaults } from '../agent/instance.js';
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
import type { LooseOptions } from '../peer/option-calls.js';
import { ProtocolFailure } from '../peer/protocol-failure.js';

/** Called with what comes out; while a promise that it returns is pending, nothing more is read. */
type Taken<Output> = (output: Output) => Promise<void> | undefined;

export interface ReplayOptions extends InstanceDefaults {
  /** By name, or as a TICKscript calls them: `.field('value')`; or made of the types that the UDF says they have. */
  readonly options?: string | readonly OptionMessage[] | LooseOptions | OptionsOf | undefined;
  /** How many times faster than recorded: 1 keeps the points' own times, and `Infinity`, the default, none. */
  readonly speed?: number | undefined;
  /** Takes what is emitted, which is then not kept. */
  readonly onPoint?: Taken<Point> | undefined;
  readonly onBatch?: Taken<Batch> | undefined;
  /** Called with each point or batch that goes in. */
  readonly onInput?: ((input: Point | Batch) => void) | undefined;
  /** Where the UDF and the runtime log to; nowhere if not given. */
  readonly logger?: Logger | undefined;
}

type OptionsOf = (types: InfoMessage['options']) => readonly OptionMessage[];

/** What came of a replay. */
export interface Replay {
  /** What was emitted, but for what `onPoint` and `onBatch` took. */
  readonly points: readonly Point[];
  readonly batches: readonly Batch[];
  /** Points that went in and came out, those of batches too. */
  readonly pointsIn: number;
  readonly pointsOut: number;
  readonly batchesIn: number;
  readonly batchesOut: number;
  /** Handler calls that failed and were got over; `undefined` for an agent of another process. */
  readonly errors: number | undefined;
}

/** So many points are made into batches at most: they all are in memory then. */
const maxCollected = 1_000_000;

/**
 * Runs a recording through a UDF as a task would, and waits for all that comes of it. The UDF is a definition, which
 * runs in this process behind the real agent and real frames, or a connection to an agent in any language. Memory stays
 * flat however long the recording is, as long as `onPoint` and `onBatch` take what comes.
 *
 * Points go as one batch a group into a UDF that wants batches: those of the whole recording, up to a million.
 *
 * Throws `ProtocolFailure` for what would end the task, such as `init-refused` and `error-response`, `invalid_argument`
 * for batches into a UDF that wants points, and what the recording throws.
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
  #held = 0;
  #refused: { readonly reason: unknown } | undefined;

  constructor(udf: UdfDefinition | Transport, options: ReplayOptions) {
    this.#options = options;
    this.#pace = new Pace(options.speed ?? Infinity);
    let transport = udf as Transport; // if it is no definition
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
    // An agent in this process cannot be away; one in another may be, and is given time to work off what it has.
    const patience = this.#agent
      ? { keepaliveTimeoutMs: 0, answerTimeoutMs: 24 * 60 * 60 * 1000 }
      : { keepaliveTimeoutMs: 10_000, answerTimeoutMs: 60_000 };
    this.#kapacitor = createKapacitorPeer(transport, {
      ...patience,
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
    try {
      const { wants, options: types } = await this.#kapacitor.info();
      const { options = '' } = this.#options;
      // Of what may be given only that is a function.
      await this.#kapacitor.init(typeof options === 'function' ? options(types) : options);
      if (wants === 'stream') await this.#stream(recording);
      else await this.#collect(recording);
      await this.#kapacitor.stop();
    } catch (reason) {
      throw this.#explained(reason);
    } finally {
      this.#kapacitor.abort();
    }
    await this.#agent?.closed;
    const { points, batches } = { points: this.#points, batches: this.#batches };
    return { points, batches, ...this.#counts, errors: this.#agent?.stats.errors };
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
    let loose: LazyPoint[] = [];
    const batched = async (): Promise<void> => {
      for (const batch of batchesOf(loose)) await this.#sendBatch(batch);
      loose = [];
    };
    for await (const items of recording) {
      for (const item of items) {
        if (item instanceof LazyPoint) loose.push(item);
        else {
          await batched();
          await this.#sendBatch(item as Batch); // what is no point is a batch
        }
      }
      if (loose.length > maxCollected) {
        throw new UdfError(
          'limit',
          `the UDF wants batches, and more than ${maxCollected} points cannot be made into one; replay a .brpl recording`,
        );
      }
    }
    await batched();
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

  #take<Output>(output: Output, taken: Taken<Output> | undefined, kept: Output[]): void {
    if (!taken) {
      kept.push(output);
      return;
    }
    if (this.#refused) return;
    let busy: Promise<void> | undefined;
    try {
      busy = taken(output);
    } catch (reason) {
      this.#refuse(reason);
    }
    if (!busy) return;
    this.#held++;
    this.#kapacitor.pauseReading();
    busy.then(
      () => {
        if (--this.#held === 0) this.#kapacitor.resumeReading();
      },
      (reason: unknown) => {
        this.#refuse(reason);
      },
    );
  }

  /** What comes out cannot be taken: the replay ends with the reason. */
  #refuse(reason: unknown): void {
    this.#refused ??= { reason };
    this.#kapacitor.abort();
  }

  /** Says how far the recording came. */
  #explained(reason: unknown): unknown {
    if (this.#refused) return this.#refused.reason;
    if (!(reason instanceof ProtocolFailure)) return reason;
    const handled = this.#agent?.stats.pointsIn ?? 0;
    const place = handled > 0 ? ` (at point ${handled} of the recording)` : '';
    return new ProtocolFailure(reason.rule, `${reason.detail}${place}`, { cause: reason });
  }
}

function holdsBatches(): UdfError {
  return new UdfError('invalid_argument', 'the UDF wants points, and the recording holds batches');
}
