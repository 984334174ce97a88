import { type Agent, createAgent } from '../agent/agent.js';
import { encodeTick } from '../agent/timers/tick.js';
import { DrivenClock } from '../agent/timers/wall-clock.js';
import type { InstanceDefaults } from '../agent/defaults.js';
import type { Limits } from '../agent/limits.js';
import { parseDuration } from '../model/duration.js';
import { UdfError } from '../model/errors.js';
import type { AgentStats } from '../model/statistics.js';
import { memoryTransportPair } from '../transport/memory-transport.js';
import type { Transport } from '../transport/transport.js';
import type { Batch } from '../model/batch.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { OptionSpecs } from '../udf/option.js';
import type { Point } from '../model/point.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { showLine } from '../recording/format-line.js';
import { type OutputCause, OutputCauses } from './output-causes.js';
import { type Input, type InputOptions, InputConverter } from './input-converter.js';
import {
  createKapacitorPeer,
  type Emitted,
  type KapacitorPeer,
  type KapacitorPeerOptions,
} from '../peer/kapacitor-peer.js';
import { type LogLine, memoryLogger } from '../telemetry/memory-logger.js';
import type { OptionInputs } from '../peer/options.js';
import { setCausingInput } from '../expect/output-notes.js';
import { WatchedHandlers } from '../expect/watched-handlers.js';
import { ProtocolFailure } from '../peer/protocol-failure.js';

/** The settings of a run, which a TICKscript and a host would make. */
export interface RunOptions<Specs extends OptionSpecs = OptionSpecs>
  extends
    InputOptions,
    InstanceDefaults,
    Pick<KapacitorPeerOptions, 'taskId' | 'nodeId' | 'keepaliveTimeoutMs' | 'answerTimeoutMs'> {
  /** By name, or as TICKscript: `.field('value').size(3)`. */
  readonly options?: OptionInputs<Specs> | string | undefined;
  /** A snapshot to start from. */
  readonly snapshot?: Uint8Array | undefined;
  readonly limits?: Partial<Limits> | undefined;
  readonly strictRestore?: boolean | undefined;
  /**
   * The time of day at the start, in nanoseconds; default `startTime`. It moves only with `advance`, not with the times of the
   * points that are sent.
   */
  readonly now?: bigint | undefined;
}

/** A UDF that runs in this process, behind the real agent and real frames. */
export interface UdfRun extends Emitted {
  /** What the UDF and the runtime have logged so far. */
  readonly log: readonly LogLine[];
  readonly stats: AgentStats;
  /** Sends points or batches, waits until they are handled, and returns what was emitted since the last call. */
  send(input: Input): Promise<Emitted>;
  /** The time of day as the UDF sees it, in nanoseconds. */
  readonly now: bigint;
  /**
   * Moves the time of day on by a duration (`'5m'`, or nanoseconds), fires the timers of the wall clock that this makes due,
   * each at its own time, and returns what was emitted since the last call.
   */
  advance(duration: string | bigint): Promise<Emitted>;
  keepalive(): Promise<void>;
  snapshot(): Promise<Uint8Array>;
  /** Takes a snapshot, stops, and starts a new instance from it, as when a task is enabled again. */
  restart(): Promise<UdfRun>;
  /** Stops the task and returns all that was emitted, by `stop` handlers too. */
  stop(): Promise<Emitted>;
}

/**
 * Starts a UDF as Kapacitor does, in this process. A run that is not stopped keeps no process alive.
 *
 * It and the run's methods throw `ProtocolFailure` for what would end the task, such as `init-refused` and
 * `error-response`: the message names the input, and `cause` is the error that the UDF's own code threw. They throw
 * `malformed` and `invalid_argument` for input that cannot be read.
 */
export async function runUdf<Specs extends OptionSpecs>(
  definition: UdfDefinition<Specs>,
  options: RunOptions<NoInfer<Specs>> = {},
): Promise<UdfRun> {
  const run = new MemoryRun(definition, options);
  await run.start();
  return run;
}

class MemoryRun implements UdfRun {
  readonly points: Point[] = [];
  readonly batches: Batch[] = [];
  readonly log: LogLine[] = [];
  readonly #definition: UdfDefinition;
  readonly #options: RunOptions;
  readonly #agent: Agent;
  readonly #kapacitor: KapacitorPeer;
  readonly #kapacitorSide: Transport;
  readonly #clock: DrivenClock;
  readonly #inputs: InputConverter;
  readonly #causes = new OutputCauses();
  readonly #watched: WatchedHandlers;
  /** All input, for messages. */
  readonly #sent: (LazyPoint | LazyBatch)[] = [];
  #returned;

  #isStopped = false;

  constructor(definition: UdfDefinition, options: RunOptions) {
    this.#definition = definition;
    this.#options = options;
    this.#inputs = new InputConverter(definition.wants, options);
    const [agentSide, kapacitorSide] = memoryTransportPair();
    this.#kapacitorSide = kapacitorSide;
    this.#clock = new DrivenClock(options.now ?? options.startTime ?? 0n);
    const kind = definition.provides === 'stream' ? 'pointsOut' : 'batchesOut';
    const { limits, strictRestore, onError, groupTtl, maxGroups } = options;
    this.#watched = new WatchedHandlers(definition);
    this.#watched.explain(this);
    this.#returned = { points: 0, batches: 0, calls: this.#watched.calls };
    this.#agent = createAgent({
      definition: this.#causes.instrument(this.#watched.definition, () => this.#agent.stats[kind]),
      transport: agentSide,
      logger: memoryLogger(this.log),
      limits,
      strictRestore,
      onError,
      groupTtl,
      maxGroups,
      clock: this.#clock,
    });
    this.#kapacitor = createKapacitorPeer(kapacitorSide, {
      ...options,
      writes: 'coalesced',
      onPoint: (point) => {
        this.#keep(this.points, point);
      },
      onBatch: (batch) => {
        this.#keep(this.batches, batch);
      },
    });
  }

  get stats(): AgentStats {
    return this.#agent.stats;
  }

  start(): Promise<void> {
    return this.#withContext(async () => {
      const { options = '', snapshot } = this.#options;
      await this.#kapacitor.info();
      await this.#kapacitor.init(options);
      if (snapshot) await this.#kapacitor.restore(snapshot);
    });
  }

  send(input: Input): Promise<Emitted> {
    this.#requireRunning('send');
    return this.#withContext(async () => {
      for (const item of this.#inputs.convert(input)) {
        this.#sent.push(item);
        const writable =
          item instanceof LazyBatch ? this.#kapacitor.batch(item) : this.#kapacitor.point(item);
        if (!writable) await this.#kapacitor.drained();
      }
      // The agent answers Info in order: after it has handled all that was sent before.
      await this.#kapacitor.info();
      return this.#takeNew();
    });
  }

  get now(): bigint {
    return this.#clock.now();
  }

  advance(duration: string | bigint): Promise<Emitted> {
    this.#requireRunning('advance');
    const step = typeof duration === 'bigint' ? duration : parseDuration(duration);
    if (step < 0n)
      throw new UdfError('invalid_argument', 'time does not go back: advance takes a duration from 0');
    return this.#withContext(async () => {
      this.#kapacitorSide.output.write(encodeTick({ time: this.now + step }));
      await this.#kapacitor.info();
      return this.#takeNew(this.#lateClock());
    });
  }

  keepalive(): Promise<void> {
    this.#requireRunning('keepalive');
    return this.#withContext(() => this.#kapacitor.keepalive());
  }

  snapshot(): Promise<Uint8Array> {
    this.#requireRunning('snapshot');
    return this.#withContext(() => this.#kapacitor.snapshot());
  }

  async restart(): Promise<UdfRun> {
    this.#requireRunning('restart');
    const snapshot = await this.snapshot();
    await this.stop();
    const startTime = this.#inputs.nextTime;
    return runUdf(this.#definition, { ...this.#options, snapshot, startTime, now: this.now });
  }

  stop(): Promise<Emitted> {
    this.#requireRunning('stop');
    this.#isStopped = true;
    return this.#withContext(async () => {
      await this.#kapacitor.stop();
      await this.#agent.closed;
      return { points: this.points, batches: this.batches };
    });
  }

  #requireRunning(method: string): void {
    if (!this.#isStopped) return;
    throw new UdfError('invalid_argument', `${method}() after stop(): start a new run with runUdf`);
  }

  /** Why timers of the wall clock have not fired, where the clock is behind the input: it does not follow the input's times. */
  #lateClock(): string | undefined {
    const time = this.#sent.at(-1)?.time;
    if (time === undefined || time <= this.now || !this.#definition.handlers.timer) return undefined;
    return `the run's time of day is ${this.now}, before that of the last input: start there, runUdf(udf, { now: ${time}n })`;
  }

  /** `whyNoCall` explains why no handler was called. */
  #takeNew(whyNoCall?: string): Emitted {
    const { points, batches, calls } = this.#returned;
    const emitted = { points: this.points.slice(points), batches: this.batches.slice(batches) };
    this.#watched.explain(emitted, calls, whyNoCall);
    this.#returned = {
      points: this.points.length,
      batches: this.batches.length,
      calls: this.#watched.calls,
    };
    return emitted;
  }

  #keep<Output extends Point | Batch>(outputs: Output[], output: Output): void {
    const number = outputs.push(output) - 1;
    setCausingInput(output, () => this.#describe(this.#causes.of(number)));
  }

  #describe(cause: OutputCause | undefined): string {
    if (!cause) return 'no input';
    if (cause.kind === 'overlap') return 'calls that overlap';
    if (cause.kind === 'timer') return `timer "${cause.name}" of group "${cause.group}" at ${cause.time}`;
    if (cause.kind === 'stop') return cause.group === '' ? 'stop' : `stop of group "${cause.group}"`;
    const input = this.#sent[cause.number]!; // handlers are called only for sent input
    const number = cause.number + 1;
    if (!(input instanceof LazyBatch)) return `input point ${number}: ${showLine(input)}`;
    return `input batch ${number}: "${input.name}", group "${input.group}", at ${input.time}`;
  }

  /** Adds the input to a failure's message, and the error of the UDF's own code as its cause. */
  async #withContext<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (reason) {
      if (!(reason instanceof ProtocolFailure)) throw reason;
      const { current } = this.#causes;
      throw reason.withContext(
        current && current.kind !== 'overlap' ? `; at ${this.#describe(current)}` : '',
        this.#agent.failure,
      );
    }
  }
}
