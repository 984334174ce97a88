import { setTimeout as delay } from 'node:timers/promises';
import type { Agent } from '../agent/agent.js';
import type { ConnectionOptions } from '../host/host-options.js';
import type { ServedUdf } from '../host/served-udf.js';
import type { ServingProcess } from '../host/serving-process.js';
import { openStateDirectory } from '../host/state/open-state-directory.js';
import type { StateDirectory } from '../host/state/state-directory.js';
import { limitTimeToStop, runWithStdout } from '../host/stdout-process.js';
import type { WatchdogSettings } from '../host/watchdog.js';
import { UdfError } from '../model/errors.js';
import { ProtocolFailure } from '../peer/protocol-failure.js';
import { memoryTransportPair } from '../transport/memory-transport.js';
import { stdioTransport } from '../transport/stdio-transport.js';
import { markPrintedLines } from './mark-printed-lines.js';
import { type LineProcessing, LineProcessor } from './process-lines.js';

export interface ExecdOptions
  extends ConnectionOptions, WatchdogSettings, Pick<LineProcessing, 'set' | 'groupBy'> {
  /** What the state is kept under: the UDF's name if not given. */
  readonly id?: string | undefined;
  /** Milliseconds to finish after SIGTERM or SIGINT. */
  readonly drainMs: number;
}

/** Max bytes of input that the UDF has not read yet. */
const maxAheadBytes = 256 * 1024;

/**
 * Runs a UDF as an external processor of Telegraf, on standard input and output, until the input ends or a signal comes. From
 * the call on, standard output carries lines only: whatever else is printed goes to standard error. Resolves with the
 * failure that ended the UDF, which is logged.
 *
 * Rejects with `usage` for a UDF that wants batches and for unknown options, `invalid_options` for options that the UDF
 * refuses, `invalid_config` for a state directory that cannot be used, `limit` for an unsigned integer beyond an int64 under
 * the policy `stop`, `connection` if the output cannot be written, and what `load` rejects with.
 *
 * Where standard output is a socket (with a parent on Node.js), the script is run once more in a child process that does
 * the work; `process.exitCode` is then the child's.
 */
export async function runExecd(
  load: () => Promise<ServedUdf>,
  options: ExecdOptions,
): Promise<UdfError | undefined> {
  const { drainMs, logger, stallLimitMs, log, set, groupBy, ...others } = options;
  return runWithStdout({ logger, log, drainMs, stallLimitMs }, async ({ stdout, serving, loadUdf }) => {
    const unmark = [markPrintedLines(process.stdout, 'I! '), markPrintedLines(process.stderr, 'W! ')];
    let states: StateDirectory | undefined;
    try {
      const { udf, activity } = await loadUdf(load);
      states = await openStatesOnceFree({ ...others, logger }, drainMs);
      const [transport, peerTransport] = memoryTransportPair({ highWaterMark: maxAheadBytes });
      const agent = udf.connect({
        ...others,
        stateStore: states,
        logger,
        transport,
        activity,
        reportsRefusal: true,
      });
      const { input, output } = stdioTransport(stdout);
      const processor = new LineProcessor({
        transport: peerTransport,
        input,
        output,
        udf: udf.name,
        id: options.id ?? udf.name,
        set,
        groupBy,
        onError: options.onError ?? udf.definition?.onError,
        logger,
      });
      serving.watch();
      return await runUntilSignal(agent, processor, serving, { drainMs, logger });
    } finally {
      await states?.close();
      for (const restore of unmark) restore();
    }
  });
}

/** Resolves with the failure that ended the UDF. */
async function runUntilSignal(
  agent: Agent,
  processor: LineProcessor,
  { signal }: Pick<ServingProcess, 'signal'>,
  { drainMs, logger }: Pick<ExecdOptions, 'drainMs' | 'logger'>,
): Promise<UdfError | undefined> {
  let cancel: (() => void) | undefined;
  void signal.then((name) => {
    logger.info({ signal: name }, 'stopping');
    cancel = limitTimeToStop(drainMs, {
      finish: () => {
        processor.finish();
      },
      cutOff: (why) => {
        processor.abort(new UdfError('connection', why));
      },
    });
  });
  try {
    const counts = await processor.run();
    logger.info(counts, 'the input has ended');
    return undefined;
  } catch (reason) {
    if (!(reason instanceof ProtocolFailure)) throw reason;
    const failure = agent.failure ?? new UdfError('protocol', reason.detail);
    if (reason.rule === 'init-refused') throw failure;
    return failure;
  } finally {
    cancel?.();
    await agent.closed;
  }
}

const retryMs = 100;

/** Opens the state directory; the process that used it before a restart may still be writing its last state. */
async function openStatesOnceFree(
  options: ConnectionOptions,
  timeoutMs: number,
): Promise<StateDirectory | undefined> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await openStateDirectory({ ...options, isShared: false });
    } catch (reason) {
      const { cause } = reason as Error;
      const isInUse = cause instanceof UdfError && cause.code === 'socket_in_use';
      if (!isInUse || performance.now() >= end) throw reason;
      await delay(retryMs);
    }
  }
}
