import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { Activity } from '../agent/activity.js';
import type { Agent } from '../agent/agent.js';
import { maxTimerMs } from '../model/duration.js';
import { UdfError } from '../model/errors.js';
import { createLogger } from '../telemetry/create-logger.js';
import type { Logger } from '../telemetry/logger.js';
import { claimStdout, descriptorStream } from '../transport/claim-stdout.js';
import { stdioTransport } from '../transport/stdio-transport.js';
import type { UdfDefinition } from '../udf/definition.js';
import type { StdioOptions } from './host-options.js';
import { stopSignals } from './process-end.js';
import type { ServedUdf } from './served-udf.js';
import { ServingProcess } from './serving-process.js';
import { openStateDirectory, stateOptionsProblem } from './state/open-state-directory.js';
import type { StateDirectory } from './state/state-directory.js';
import { tuneV8 } from './tune-v8.js';
import type { WatchdogSettings } from './watchdog.js';

/** As `serveStdio`, but resolves with the failure that ended the conversation, which is logged. */
export async function runStdio(
  load: () => Promise<ServedUdf>,
  options: StdioOptions & WatchdogSettings,
): Promise<UdfError | undefined> {
  const { drainMs = 5_000, logger = createLogger({ level: 'info' }), stallLimitMs, log, ...others } = options;
  if (!Number.isInteger(drainMs) || drainMs < 0 || drainMs > maxTimerMs) {
    throw new UdfError(
      'invalid_argument',
      `drainMs must be a whole number from 0 to ${maxTimerMs}, got ${drainMs}`,
    );
  }
  const problem = stateOptionsProblem(others);
  if (problem !== undefined) throw new UdfError('invalid_argument', problem);
  const output = protectedStdout();
  if (!output) {
    process.exitCode = await relayStdout();
    return undefined;
  }
  tuneV8();
  const activity = new Activity();
  const definitions: UdfDefinition[] = [];
  const serving = new ServingProcess({ activity, definitions, logger, log, drainMs, stallLimitMs });
  const { signal } = serving;
  let states: StateDirectory | undefined;
  try {
    const udf = await load();
    if (udf.definition) definitions.push(udf.definition);
    // Kapacitor starts a process for each use of the UDF, all with the same arguments.
    states = await openStateDirectory({ ...others, logger, isShared: true });
    const transport = stdioTransport(output, () => {
      limitUnreadTime(agent, output, drainMs, logger);
    });
    const agent = udf.connect({
      ...others,
      stateStore: states,
      logger,
      transport,
      activity: udf.definition && activity.open(udf.name),
    });
    serving.watch();
    if (isatty(0)) {
      logger.warn(
        {},
        'standard input is a terminal: Kapacitor starts this command; see kapacitor-udf config --process',
      );
    }
    void signal.then((name) => {
      logger.info({ signal: name }, 'stopping');
      limitTimeToStop(agent, drainMs, logger);
    });
    await agent.closed;
    return agent.failure;
  } finally {
    await states?.close();
    serving.release();
  }
}

/** The most of the time to stop that is kept for sending what is left. */
const maxSendMs = 1_000;

/** The part of `drainMs` in which input is still read after a signal: the peer may have got the signal too, and end the input. */
export function readOnMs(drainMs: number): number {
  return Math.max(drainMs - maxSendMs, Math.floor(drainMs * 0.8));
}

/**
 * A terminal or service manager signals Kapacitor and its children alike; Kapacitor then sends its last points and ends
 * the conversation. So reading continues for most of the time, and the conversation is cut off at its end.
 */
function limitTimeToStop(agent: Agent, drainMs: number, logger: Logger): void {
  const drainTimer = setTimeout(() => void agent.drain(), readOnMs(drainMs));
  const cutTimer = setTimeout(() => {
    cutOff(agent, `not finished within ${drainMs} ms`, logger);
  }, drainMs);
  void agent.closed.then(() => {
    clearTimeout(drainTimer);
    clearTimeout(cutTimer);
  });
}

const minPollMs = 5;
const maxPollMs = 250;

/**
 * After the end of the input, Kapacitor waits for the end of standard error, at times without reading standard output.
 * A handler that takes its time is no reason to end; output that nothing reads is.
 */
function limitUnreadTime(agent: Agent, output: Writable, drainMs: number, logger: Logger): void {
  let accepted = -1; // bytes that the system has taken
  let since = performance.now();
  const pollMs = Math.min(Math.max(drainMs / 10, minPollMs), maxPollMs);
  const timer = setInterval(() => {
    const now = agent.stats.bytesOut - output.writableLength;
    if (now !== accepted || output.writableLength === 0) {
      accepted = now;
      since = performance.now();
    } else if (performance.now() - since >= drainMs) {
      cutOff(agent, `standard output was not read for ${drainMs} ms`, logger);
    }
  }, pollMs);
  void agent.closed.then(() => {
    clearInterval(timer);
  });
}

function cutOff(agent: Agent, why: string, logger: Logger): void {
  logger.warn({}, `the conversation is cut off: ${why} (drainMs)`);
  agent.destroy(new UdfError('connection', why));
}

/** Names the descriptor that frames go to, in a process that `relayStdout` has started. */
const framesDescriptor = 'KAPACITOR_UDF_FRAMES_FD';

/**
 * Standard output for data only, as `claimStdout` makes it; `undefined` if it cannot be claimed within this process, but in
 * the one that `relayStdout` starts.
 */
export function protectedStdout(): Writable | undefined {
  const descriptor = process.env[framesDescriptor];
  if (descriptor === undefined) return claimStdout();
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- children of this process have no such descriptor
  delete process.env[framesDescriptor];
  return descriptorStream(Number(descriptor));
}

/**
 * Runs this script once more with standard output as descriptor 3 and standard error as descriptor 1. Resolves with its
 * exit code.
 */
export function relayStdout(): Promise<number> {
  const { execPath, execArgv, argv, env } = process;
  const child = spawn(execPath, [...execArgv, ...argv.slice(1)], {
    stdio: [0, 2, 2, 1],
    env: { ...env, [framesDescriptor]: '3' },
  });
  for (const signal of stopSignals) {
    process.on(signal, () => {
      child.kill(signal);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      resolve(code ?? 1); // null: a signal ended it
    });
  });
}
