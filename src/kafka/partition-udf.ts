import type { Activity } from '../agent/activity.js';
import type { Agent } from '../agent/agent.js';
import { encodeTick } from '../agent/timers/tick.js';
import { DrivenClock } from '../agent/timers/wall-clock.js';
import { eachPoint } from '../host/dead-letters/format.js';
import type { ConnectionOptions } from '../host/host-options.js';
import type { ServedUdf } from '../host/served-udf.js';
import type { LineSink } from '../lines/line-output.js';
import { LineUdf } from '../lines/line-udf.js';
import { messageOf, UdfError } from '../model/errors.js';
import type { OptionCall } from '../model/option-call.js';
import { ProtocolFailure } from '../peer/protocol-failure.js';
import { formatLine } from '../recording/format-line.js';
import { LineSplitter, maxLineBytes } from '../recording/line-splitter.js';
import type { Logger } from '../telemetry/logger.js';
import { memoryLogger } from '../telemetry/memory-logger.js';
import { memoryTransportPair } from '../transport/memory-transport.js';
import type { RecordReader } from './client/record-batch.js';

/** A UDF and how it is run, the same for each partition. */
export interface UdfSettings extends Pick<
  ConnectionOptions,
  'onError' | 'groupTtl' | 'maxGroups' | 'limits' | 'strictRestore'
> {
  readonly udf: ServedUdf;
  /** Where each partition notes what it is doing, for a watchdog. */
  readonly activity?: Activity | undefined;
  /** Sent to the UDF as the ID of its task: the consumer group. */
  readonly taskId: string;
  readonly set?: readonly string[] | undefined;
  readonly groupBy?: readonly string[] | undefined;
}

export interface PartitionUdfOptions extends UdfSettings {
  readonly partition: number;
  /** The clock of the UDF at the start, in nanoseconds since the epoch. */
  readonly time: bigint;
  readonly sink: LineSink;
  /** Called with each line that the UDF does not get, or that the error policy drops. */
  readonly dropped: (line: Buffer, reason: string) => void;
  readonly logger: Logger;
}

/** Max bytes of input that the UDF has not read yet. */
const maxAheadBytes = 256 * 1024;

/**
 * The UDF of one partition. Its whole input comes from the caller: records in order, and the time. So it gives the same
 * result when another worker repeats them.
 */
export class PartitionUdf {
  readonly #clock: DrivenClock;
  readonly #agent: Agent;
  readonly #lines: LineUdf;
  readonly #splitter = new LineSplitter(maxLineBytes, '');
  /** The time of lines without one. */
  #recordTime = 0n;

  constructor(options: PartitionUdfOptions) {
    const { udf, partition, time, dropped, sink, logger, onError, taskId } = options;
    this.#clock = new DrivenClock(time);
    const [transport, peerTransport] = memoryTransportPair({ highWaterMark: maxAheadBytes });
    const { groupTtl, maxGroups, limits, strictRestore } = options;
    this.#agent = udf.connect({
      onError,
      groupTtl,
      maxGroups,
      limits,
      strictRestore,
      transport,
      reportsRefusal: true,
      clock: this.#clock,
      activity: options.activity?.open(udf.name),
      deadLetters: {
        add: (_use, { frames, reason }) => {
          eachPoint(frames, (point) => {
            dropped(lineOf(point), reason);
          });
        },
      },
      logger,
    }); // isolated UDFs are not run here
    this.#lines = new LineUdf({
      transport: peerTransport,
      udf: udf.name,
      taskId,
      nodeId: `partition ${partition}`,
      set: options.set,
      groupBy: options.groupBy,
      onError: onError ?? udf.definition?.onError,
      source: 'Kafka',
      sink,
      now: () => this.#recordTime,
      skipped: (line, reason) => {
        dropped(line, messageOf(reason));
      },
      logger,
    });
    this.#splitter.finish(); // each record ends with its value
  }

  /** Points that were emitted, those of a repetition included. */
  get pointsOut(): number {
    return this.#lines.pointsOut;
  }

  get pointsIn(): number {
    return this.#lines.pointsIn;
  }

  /** Groups that have state. */
  get groups(): number {
    return this.#agent.stats.groups;
  }

  /** Seconds that its handlers have taken. */
  get handlerSeconds(): number {
    return this.#agent.stats.handlerTime.seconds;
  }

  /** The time at which a timer of the UDF is due by the clock; `undefined` if there is none. */
  get nextTimer(): bigint | undefined {
    return this.#clock.next;
  }

  /** Resolves with the UDF's options. Rejects with `usage` for a UDF that wants batches and for unknown options, `invalid_options` for refused ones. */
  start(): Promise<readonly OptionCall[]> {
    return this.#guarded(this.#lines.start());
  }

  /** Continues with a snapshot. */
  restore(state: Buffer): Promise<void> {
    return this.#guarded(this.#lines.peer.restore(state));
  }

  snapshot(): Promise<Uint8Array> {
    return this.#guarded(this.#lines.peer.snapshot());
  }

  /** Moves the clock, never back: timers that are due fire. */
  moveClock(time: bigint): void {
    this.#lines.peer.request(encodeTick({ time }));
  }

  /** Sends the lines of a reader's current record; false if the UDF is behind. Throws `limit` by the error policy. */
  record(reader: RecordReader): boolean {
    if (reader.valueStart < 0) return true;
    const splitter = this.#splitter;
    splitter.add(reader.buf.subarray(reader.valueStart, reader.valueEnd));
    splitter.finish();
    this.#recordTime = BigInt(reader.timestamp) * 1_000_000n;
    const { tryParse } = this.#lines;
    let hasRoom = true;
    while (splitter.next('quoted', tryParse)) hasRoom = this.#lines.line(splitter) && hasRoom;
    return hasRoom;
  }

  /** Resolves when the UDF is not behind any more. */
  drained(): Promise<void> {
    return this.#guarded(this.#lines.drained());
  }

  /** Resolves when all records so far are handled, and what was emitted for them is in the sink. */
  settled(): Promise<void> {
    return this.#guarded(this.#lines.settled());
  }

  /** Reads what the UDF emits again, once the sink is not blocked any more. */
  resume(): void {
    this.#lines.peer.resumeReading();
  }

  /** Ends the UDF at once, without its `stop`: another worker continues the partition. */
  async destroy(): Promise<void> {
    this.#agent.destroy();
    this.#lines.peer.abort();
    await this.#agent.closed;
  }

  /** Rejects with the UDF's own failure rather than with the end of the connection. */
  async #guarded<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work;
    } catch (reason) {
      if (!(reason instanceof ProtocolFailure)) throw reason;
      throw this.#agent.failure ?? new UdfError('protocol', reason.detail);
    }
  }
}

/**
 * Starts the UDF once, and ends it: so options that it refuses are reported before a worker joins its group, which would
 * interrupt the others. Resolves and rejects as `PartitionUdf.start`.
 */
export async function checkUdf(settings: UdfSettings): Promise<readonly OptionCall[]> {
  const udf = new PartitionUdf({
    ...settings,
    activity: undefined,
    partition: 0,
    time: 0n,
    sink: { write: () => undefined, isBlocked: false },
    dropped: () => undefined,
    logger: memoryLogger([]),
  });
  try {
    return await udf.start();
  } finally {
    await udf.destroy();
  }
}

function lineOf(point: Parameters<typeof formatLine>[0]): Buffer {
  try {
    return Buffer.from(formatLine(point));
  } catch (reason) {
    return Buffer.from(`# ${point.name}: ${messageOf(reason)}`);
  }
}
