import { type Agent, createAgent } from '../agent/agent.js';
import type { InstanceDefaults } from '../agent/defaults.js';
import type { Limits } from '../agent/limits.js';
import type { AgentStats } from '../model/statistics.js';
import { memoryTransportPair } from '../transport/memory-transport.js';
import type { Batch } from '../model/batch.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { OptionSpecs } from '../udf/option.js';
import type { Point } from '../model/point.js';
import { LazyBatch } from '../wire/lazy-batch.js';
import type { LazyPoint } from '../wire/point/lazy-point.js';
import { showLine } from '../recording/format-line.js';
import { InputTrace } from './input-trace.js';
import { type Input, type InputOptions, InputConverter } from './input-converter.js';
import {
  createKapacitorPeer,
  type Emitted,
  type KapacitorPeer,
  type KapacitorPeerOptions,
} from '../peer/kapacitor-peer.js';
import { type LogLine, memoryLogger } from '../telemetry/memory-logger.js';
import type { OptionInputs } from '../peer/option-calls.js';
import { setCausingInput } from '../expect/causing-input.js';
import { ProtocolFailure } from '../peer/protocol-failure.js';

/** How a UDF is run: as a TICKscript and a host would have it. */
export interface RunOptions<Specs extends OptionSpecs = OptionSpecs>
  extends
    InputOptions,
    InstanceDefaults,
    Pick<KapacitorPeerOptions, 'taskId' | 'nodeId' | 'keepaliveTimeoutMs' | 'answerTimeoutMs'> {
  /** By name, or as a TICKscript calls them: `.field('value').size(3)`. */
  readonly options?: OptionInputs<Specs> | string | undefined;
  /** A snapshot to start from. */
  readonly snapshot?: Uint8Array | undefined;
  readonly limits?: Partial<Limits> | undefined;
  readonly strictRestore?: boolean | undefined;
}

/** A UDF that runs in this process, behind real frames. */
export interface UdfRun extends Emitted {
  /** What the UDF and the runtime have logged so far. */
  readonly log: readonly LogLine[];
  readonly stats: AgentStats;
  /** Hands in points or batches, waits until they are handled, and returns what was emitted since the last call. */
  send(input: Input): Promise<Emitted>;
  keepalive(): Promise<void>;
  snapshot(): Promise<Uint8Array>;
  /** Takes a snapshot, stops, and starts a new instance from it, as when a task is enabled again. */
  restart(): Promise<UdfRun>;
  /** Stops the task and returns all that was emitted, up to the last point. */
  stop(): Promise<Emitted>;
}

/**
 * Starts a UDF as Kapacitor does. All runs in this process and takes as long as the handlers do; a test that fails
 * half-way leaves nothing behind that keeps a process alive.
 *
 * It and the run's methods throw `ProtocolFailure` for what would end the task, such as `init-refused` and
 * `error-response`; the message names the input point. They throw `invalid_argument` and `malformed` for input that is
 * none.
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
  readonly #inputs: InputConverter;
  readonly #trace = new InputTrace();
  /** What was handed in, for messages. */
  readonly #handed: (LazyPoint | LazyBatch)[] = [];
  #returned = { points: 0, batches: 0 };

  constructor(definition: UdfDefinition, options: RunOptions) {
    this.#definition = definition;
    this.#options = options;
    this.#inputs = new InputConverter(definition.wants, options);
    const [agentSide, kapacitorSide] = memoryTransportPair();
    const kind = definition.provides === 'stream' ? 'pointsOut' : 'batchesOut';
    const { limits, strictRestore, onError, groupTtl, maxGroups } = options;
    this.#agent = createAgent({
      definition: this.#trace.follow(definition, () => this.#agent.stats[kind]),
      transport: agentSide,
      logger: memoryLogger(this.log),
      limits,
      strictRestore,
      onError,
      groupTtl,
      maxGroups,
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

  async start(): Promise<void> {
    const { options = '', snapshot } = this.#options;
    await this.#kapacitor.info();
    await this.#kapacitor.init(options);
    if (snapshot) await this.#kapacitor.restore(snapshot);
  }

  send(input: Input): Promise<Emitted> {
    return this.#named(async () => {
      for (const one of this.#inputs.convert(input)) {
        this.#handed.push(one);
        const roomy = one instanceof LazyBatch ? this.#kapacitor.batch(one) : this.#kapacitor.point(one);
        if (!roomy) await this.#kapacitor.drained();
      }
      // Info is answered in its turn: when all that came before it has been handled.
      await this.#kapacitor.info();
      return this.#news();
    });
  }

  keepalive(): Promise<void> {
    return this.#named(() => this.#kapacitor.keepalive());
  }

  snapshot(): Promise<Uint8Array> {
    return this.#named(() => this.#kapacitor.snapshot());
  }

  async restart(): Promise<UdfRun> {
    const snapshot = await this.snapshot();
    await this.stop();
    const startTime = this.#inputs.nextTime;
    return runUdf(this.#definition, { ...this.#options, snapshot, startTime });
  }

  stop(): Promise<Emitted> {
    return this.#named(async () => {
      await this.#kapacitor.stop();
      await this.#agent.closed;
      return { points: this.points, batches: this.batches };
    });
  }

  #news(): Emitted {
    const { points, batches } = this.#returned;
    this.#returned = { points: this.points.length, batches: this.batches.length };
    return { points: this.points.slice(points), batches: this.batches.slice(batches) };
  }

  #keep<Output extends Point | Batch>(outputs: Output[], output: Output): void {
    const number = outputs.push(output) - 1;
    setCausingInput(output, () => this.#describe(this.#trace.inputOf(number)));
  }

  #describe(input: number): string {
    const handed = this.#handed[input];
    if (!handed) return 'no input';
    const number = input + 1;
    if (!(handed instanceof LazyBatch)) return `input point ${number}: ${showLine(handed)}`;
    return `input batch ${number}: "${handed.name}", group "${handed.group}", at ${handed.time}`;
  }

  /** Does something, and names the input in a failure. */
  async #named<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (reason) {
      const { current } = this.#trace;
      if (!(reason instanceof ProtocolFailure) || current < 0) throw reason;
      throw new ProtocolFailure(reason.rule, `${reason.detail}; at ${this.#describe(current)}`, {
        cause: reason,
      });
    }
  }
}
