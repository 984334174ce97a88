import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import type { Agent } from '../agent/agent.js';
import { maxTimerMs } from '../model/duration.js';
import { UdfError } from '../model/errors.js';
import { createLogger } from '../telemetry/create-logger.js';
import type { Logger } from '../telemetry/logger.js';
import { stdioTransport } from '../transport/stdio-transport.js';
import type { StdioOptions } from './host-options.js';
import type { ServedUdf } from './served-udf.js';
import { openStateDirectory, stateOptionsProblem } from './state/open-state-directory.js';
import { limitTimeToStop, runWithStdout } from './stdout-process.js';
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
  return runWithStdout({ logger, log, drainMs, stallLimitMs }, async ({ stdout, serving, loadUdf }) => {
    const { udf, activity } = await loadUdf(load);
    // Kapacitor starts a process for each use of the UDF, all with the same arguments.
    const states = await openStateDirectory({ ...others, logger, isShared: true });
    try {
      const transport = stdioTransport(stdout, () => {
        limitUnreadTime(agent, stdout, drainMs, logger);
      });
      const agent = udf.connect({ ...others, stateStore: states, logger, transport, activity });
      serving.watch();
      if (isatty(0)) {
        logger.warn(
          {},
          'standard input is a terminal: Kapacitor starts this command; see kapacitor-udf config --process',
        );
      }
      void serving.signal.then((name) => {
        logger.info({ signal: name }, 'stopping');
        const cancel = limitTimeToStop(drainMs, {
          finish: () => void agent.drain(),
          cutOff: (why) => {
            cutOff(agent, why, logger);
          },
        });
        void agent.closed.then(cancel);
      });
      await agent.closed;
      return agent.failure;
    } finally {
      await states?.close();
    }
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
