import { parentPort, workerData } from 'node:worker_threads';
import { createAgent, type Progress } from '../../../agent/agent.js';
import { HandlerRuns } from '../../../agent/handler-runs.js';
import type { AheadOutput } from '../../../agent/output-ahead.js';
import { DrivenClock } from '../../../agent/timers/wall-clock.js';
import type { DeadLetters } from '../../../model/dead-letters.js';
import { messageOf } from '../../../model/errors.js';
import type { Logger } from '../../../telemetry/logger.js';
import { RateLimitedLogger } from '../../../telemetry/rate-limited-logger.js';
import { SharedRing } from '../../../transport/shared-ring.js';
import { sharedTransport } from '../../../transport/shared-transport.js';
import { authorPlace } from '../../../udf/author-place.js';
import type { UdfDefinition } from '../../../udf/definition.js';
import { availableUdfs } from '../../available-udfs.js';
import { localFiles } from '../../load-module.js';
import { encodeAck, Signals } from './acks.js';
import {
  type FromWorker,
  type LogMethod,
  type ServeMessage,
  type ToWorker,
  wakeUp,
  type WorkerSettings,
} from './messages.js';
import { plainError } from './plain-error.js';
import { udfInfos } from './udf-info.js';

/** How often the thread shows that its event loop runs, and checks its memory. */
const aliveIntervalMs = 100;

const port = parentPort!; // this file is the entry of a worker thread

function send(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

/** Loads the modules, then serves the one connection that it is given. */
async function main(): Promise<void> {
  const { modules } = workerData as WorkerSettings;
  const udfs = await availableUdfs(modules);
  port.once('message', (message: ToWorker) => {
    // The first message is always this one.
    const given = message as ServeMessage;
    serve(udfs.get(given.udf)!, given);
  });
  send({ kind: 'loaded', udfs: await udfInfos(udfs, modules), localFiles: localFiles() });
}

/** Serves a connection over shared memory, as `createAgent` serves any other. */
function serve(definition: UdfDefinition, given: ServeMessage): void {
  const wake = (): void => {
    send(wakeUp);
  };
  const transport = sharedTransport(new SharedRing(given.input, wake), new SharedRing(given.output, wake));
  const signals = new Int32Array(given.signals);
  const runs = new HandlerRuns(given.runs, given.refused);
  // Created as a double, since V8 discards the code of `createAgent` when an integer outgrows 2^31.
  const { newerThan, sequentialBytes } = given;
  const startCallTimer = (): NodeJS.Timeout | undefined => callTimer(given.limits.handlerMs);
  const progress: Progress = { runs, begunBytes: NaN, newerThan, sequentialBytes, handled, startCallTimer };
  progress.begunBytes = 0;
  const logger = frontLogger(progress);
  surviveRejections(logger);
  let acknowledged = 0;
  const clock = given.time === undefined ? undefined : new DrivenClock(given.time);
  const agent = createAgent({
    definition,
    transport,
    logger,
    ...given.defaults,
    // The front measures the time of handlers, since it can also end one that never returns.
    // It also checks the size of snapshots, as Kapacitor gets few of them.
    limits: { ...given.limits, handlerMs: 0, snapshotBytes: Number.MAX_SAFE_INTEGER },
    // The front decides what follows.
    strictRestore: true,
    deadLetters: given.keepsLetters ? frontLetters(progress) : undefined,
    progress,
    clock,
  });
  function handled(bytes: number, begunFrames: number, ahead: AheadOutput): void {
    if (begunFrames === 0) runs.end();
    if (bytes === acknowledged || !transport.output.writable) return;
    acknowledged = bytes;
    const isWanted = Atomics.exchange(signals, Signals.wantsStats, 0) === 1;
    const stats = isWanted ? agent.stats : undefined;
    const wakeAtMs = clock === undefined ? NaN : wakeTimeOf(clock);
    transport.output.write(encodeAck({ handled: bytes, ahead, wakeAtMs, stats }));
  }
  setInterval(() => {
    Atomics.add(signals, Signals.alive, 1);
    const { arrayBuffers } = process.memoryUsage();
    if (arrayBuffers <= given.maxBufferBytes) return;
    send({ kind: 'memory', bytes: arrayBuffers });
    process.exit(1);
  }, aliveIntervalMs);
  port.on('message', (message: ToWorker) => {
    if (message === wakeUp) transport.woken();
    else if (message.kind === 'end') transport.endInput();
  });
  void agent.closed.then(() => {
    const failure = agent.failure && plainError(agent.failure);
    send({ kind: 'done', stats: agent.stats, failure });
  });
  transport.woken();
}

/** See `Ack.wakeAtMs`. An idle tick is a tick too. */
function wakeTimeOf({ next, wantsIdle }: DrivenClock): number {
  if (wantsIdle) return -Infinity;
  return next === undefined ? NaN : Number(next) / 1e6;
}

/** Ends the worker, as the front does while calls do not overlap, if one of several calls takes longer than `handlerMs`. */
function callTimer(handlerMs: number): NodeJS.Timeout | undefined {
  if (handlerMs === 0) return undefined;
  return setTimeout(() => {
    send({ kind: 'hung', handlerMs });
    process.exit(1);
  }, handlerMs);
}

/** Dead letters that the front keeps. */
function frontLetters(progress: Progress): DeadLetters {
  return {
    add: (_use, letter) => {
      const { buffer } = letter.frames;
      // The letter's memory is its own.
      send({ kind: 'letter', letter, begun: progress.begunBytes }, [buffer as ArrayBuffer]);
    },
  };
}

/**
 * A logger whose lines the front writes, which adds the UDF and the task to them. Details that cannot be cloned are left out.
 */
function frontLogger(progress: Progress): Logger {
  const at =
    (level: LogMethod) =>
    (details: object, message: string): void => {
      const { begunBytes: begun, runs } = progress;
      const isRefusal = 'err' in details && runs.isRefusal(details.err);
      const sent = 'err' in details ? { ...details, err: plainError(details.err) } : details;
      try {
        send({ kind: 'log', level, details: sent, message, begun, isRefusal });
      } catch (reason) {
        send({
          kind: 'log',
          level,
          details: { details: `unreadable: ${messageOf(reason)}` },
          message,
          begun,
          isRefusal,
        });
      }
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => frontLogger(progress),
  };
}

/** An unhandled rejection has interrupted nothing else, so the worker continues, as a host without isolation does. */
function surviveRejections(logger: Logger): void {
  const rejections = new RateLimitedLogger(logger);
  process.on('unhandledRejection', (reason) => {
    rejections.error(
      () => ({ err: reason }),
      `a promise was rejected that was not awaited: ${messageOf(reason)}; return or await it in the handler${authorPlace(reason)}`,
    );
  });
}

main().catch((reason: unknown) => {
  send({ kind: 'failed', error: plainError(reason), localFiles: localFiles() });
});
