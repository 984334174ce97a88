import { unlinkSync } from 'node:fs';
import { Session } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';
import { type ActiveUse, readActivity, watchdogCells } from '../agent/activity.js';
import { BoundedWriter } from '../telemetry/bounded-writer.js';
import { createLogger } from '../telemetry/create-logger.js';
import { fileIdentity } from './socket-file.js';
import {
  beatMs,
  remoteCalls,
  remoteKey,
  stallExitCode,
  type UseChange,
  type WatchdogData,
} from './watchdog.js';

/** Time without a beat of the main thread after which its event loop counts as blocked. */
const stallMs = 1_000;
/** Max time for a blocked main thread to answer the inspector; in a system call it cannot. */
const inspectMs = 500;
/** Max time for the main thread to exit on request; includes other uses of the inspector. */
const exitMs = 1_500;
const maxFrames = 8;

const data = workerData as WatchdogData; // as `startWatchdog` gives it
const { cells, log, sockets, drainMs, stallLimitMs } = data;
const uses = new Map(data.uses);
const writer = new BoundedWriter(data.stderr);
const logger = createLogger({
  ...log,
  destination: {
    write: (line) => {
      writer.write(line, true);
    },
  },
});

parentPort!.on('message', ([number, use]: UseChange) => {
  if (use) uses.set(number, use);
  else uses.delete(number);
});

let lastBeat = cells[watchdogCells.beat]!;
/** Checks since the last beat: a suspended process does not check, so that its pause does not count. */
let silentChecks = 0;
let hasReported = false;
let hasLeftSignals = false;
let isEnding = false;
let reporting: Promise<void> = Promise.resolve();

setInterval(() => {
  const beat = cells[watchdogCells.beat]!;
  if (beat !== lastBeat) {
    lastBeat = beat;
    silentChecks = 0;
    hasReported = hasLeftSignals = false;
    return;
  }
  const silentMs = ++silentChecks * beatMs;
  if (silentMs >= stallMs && !hasReported) {
    hasReported = true;
    reporting = report();
  }
  const isStopping = cells[watchdogCells.stopping] === 1;
  if (stallLimitMs !== undefined && silentMs >= stallLimitMs) {
    void end(`the event loop was blocked for ${silentMs / 1000} s (stall limit)`);
  } else if (silentMs >= Math.max(drainMs, stallMs)) {
    if (isStopping) void end('the event loop was blocked while the host stopped');
    else if (!hasLeftSignals) {
      hasLeftSignals = true;
      void leaveSignals();
    }
  }
}, beatMs);

/** Logs what blocks the event loop. */
async function report(): Promise<void> {
  const { current, handling, pending } = readActivity(cells);
  cells[watchdogCells.stalled] = (current ?? 0) + 1;
  const stack = await stackOfMain();
  const where = stack.length > 0 ? `, in ${stack[0]}` : '';
  if (current !== undefined) {
    const use = uses.get(current);
    const details = { ...use, ...(stack.length > 0 && { stack }) };
    logger.error(
      details,
      `the event loop is blocked: ${nameOf(use)} has not returned from ${handling} for 1 s${where}`,
    );
    return;
  }
  const candidates = pending.map(({ number, handling: what }) => `${nameOf(uses.get(number))} (${what})`);
  const [only] = pending.length === 1 ? pending : [];
  const details = { ...(only && uses.get(only.number)), ...(stack.length > 0 && { stack }) };
  const by =
    candidates.length > 0
      ? `async handlers are under way in ${candidates.join(', ')}`
      : `hosted: ${data.udfs.join(', ')}`;
  logger.error(
    details,
    `the event loop is blocked: code outside the handling of input, a timer for example, has run for 1 s${where}; ${by}`,
  );
}

function nameOf(use: ActiveUse | undefined): string {
  if (!use) return 'a UDF';
  return use.task === undefined ? `UDF ${use.udf}` : `UDF ${use.udf} of task ${use.task}, node ${use.node},`;
}

/** Ends the process with `stallExitCode`; with SIGKILL if its main thread is in a system call. */
async function end(why: string): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  const beat = lastBeat;
  await reporting;
  if (cells[watchdogCells.beat] !== beat) {
    isEnding = false; // it runs again
    return;
  }
  logger.error({ code: stallExitCode }, `exits: ${why}; its tasks end`);
  for (const { path, identity } of sockets) {
    try {
      if (identity !== undefined && fileIdentity(path) === identity) unlinkSync(path);
    } catch {
      // The next start replaces it.
    }
  }
  setTimeout(() => {
    process.kill(process.pid, 'SIGKILL');
  }, exitMs);
  void callInMain(remoteCalls.exit, stallExitCode);
}

/** Lets signals end the process, whose handlers cannot run while its event loop is blocked. */
async function leaveSignals(): Promise<void> {
  if (await callInMain(remoteCalls.leaveSignals)) {
    logger.warn({}, 'the event loop is still blocked: until it runs again, signals end the process at once');
  }
}

/** The last use of the inspector: one begins when the one before is over. */
let inspected: Promise<unknown> = Promise.resolve();

/**
 * Uses the inspector of the main thread, which interrupts JavaScript and regular expressions, but no system call. Resolves
 * with `undefined` if there is no answer in time.
 */
function inspectMain<Result>(
  use: (session: Session, done: (result: Result) => void) => void,
): Promise<Result | undefined> {
  const result = inspected.then(
    () =>
      new Promise<Result | undefined>((resolve) => {
        const session = new Session();
        const finish = (found: Result | undefined): void => {
          clearTimeout(timer);
          session.disconnect();
          resolve(found);
        };
        const timer = setTimeout(finish, inspectMs, undefined);
        try {
          session.connectToMainThread();
          use(session, finish);
        } catch {
          finish(undefined); // Node.js was started without the inspector
        }
      }),
  );
  inspected = result;
  return result;
}

/** Calls a function of `startWatchdog` in the main thread although its event loop is blocked. */
function callInMain(name: string, argument?: number): Promise<true | undefined> {
  const expression = `globalThis[Symbol.for('${remoteKey}')]?.${name}(${argument ?? ''})`;
  return inspectMain((session, done) => {
    session.post('Runtime.evaluate', { expression }, () => {
      done(true);
    });
  });
}

/** The functions, files and lines that the main thread is in, the innermost first; none if it cannot be interrupted. */
async function stackOfMain(): Promise<readonly string[]> {
  const stack = await inspectMain<readonly string[]>((session, done) => {
    const urls = new Map<string, string>();
    session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => urls.set(scriptId, url));
    session.once('Debugger.paused', ({ params }) => {
      const frames = params.callFrames.flatMap(({ functionName, location }) => {
        const url = urls.get(location.scriptId) ?? '';
        if (!url.startsWith('file:') && !url.startsWith('/')) return []; // Node.js itself
        return [`${functionName} ${url.replace('file://', '')}:${location.lineNumber + 1}`.trim()];
      });
      session.post('Debugger.resume');
      session.post('Debugger.disable');
      done(frames.slice(0, maxFrames));
    });
    session.post('Debugger.enable');
    session.post('Debugger.pause');
  });
  return stack ?? [];
}
