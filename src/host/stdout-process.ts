import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { Activity, type UseActivity } from '../agent/activity.js';
import type { UdfError } from '../model/errors.js';
import { claimStdout, descriptorStream } from '../transport/claim-stdout.js';
import type { UdfDefinition } from '../udf/definition.js';
import { stopSignals } from './process-end.js';
import type { ServedUdf } from './served-udf.js';
import { ServingProcess, type ServingProcessOptions } from './serving-process.js';
import { tuneV8 } from './tune-v8.js';

/** A process that serves one UDF on standard input and output. */
export interface StdoutProcess {
  /** Standard output, for data only. */
  readonly stdout: Writable;
  readonly serving: ServingProcess;
  /** Loads the UDF, whose activity the watchdog then sees. Rejects with what `load` rejects with. */
  loadUdf(
    this: void,
    load: () => Promise<ServedUdf>,
  ): Promise<{ readonly udf: ServedUdf; readonly activity: UseActivity | undefined }>;
}

/**
 * Runs `work` in a process whose standard output is for data only: whatever else is printed goes to standard error.
 *
 * Where standard output is a socket (with a parent on Node.js), the script is run once more in a child process that does the
 * work; `process.exitCode` is then the child's, and the call resolves to undefined.
 */
export async function runWithStdout(
  options: Pick<ServingProcessOptions, 'logger' | 'log' | 'drainMs' | 'stallLimitMs'>,
  work: (process: StdoutProcess) => Promise<UdfError | undefined>,
): Promise<UdfError | undefined> {
  const stdout = protectedStdout();
  if (!stdout) {
    process.exitCode = await relayStdout();
    return undefined;
  }
  tuneV8();
  const activity = new Activity();
  const definitions: UdfDefinition[] = [];
  const serving = new ServingProcess({ ...options, activity, definitions });
  const loadUdf: StdoutProcess['loadUdf'] = async (load) => {
    const udf = await load();
    if (!udf.definition) return { udf, activity: undefined };
    definitions.push(udf.definition);
    return { udf, activity: activity.open(udf.name) };
  };
  try {
    return await work({ stdout, serving, loadUdf });
  } finally {
    serving.release();
  }
}

/** Max time that is reserved at the end of the time to stop, for sending what is left. */
const maxSendMs = 1_000;

/**
 * Limits the time to stop after a signal. A terminal or service manager signals the parent and its children alike; the parent
 * then sends its last points and ends the input. So input is read for most of the time: then `finish` is called, and `cutOff`
 * at the end of the time. Returns a function that cancels both.
 */
export function limitTimeToStop(
  drainMs: number,
  { finish, cutOff }: { readonly finish: () => void; readonly cutOff: (why: string) => void },
): () => void {
  const finishTimer = setTimeout(finish, Math.max(drainMs - maxSendMs, Math.floor(drainMs * 0.8)));
  const cutTimer = setTimeout(() => {
    cutOff(`not finished within ${drainMs} ms`);
  }, drainMs);
  return () => {
    clearTimeout(finishTimer);
    clearTimeout(cutTimer);
  };
}

/** Names the descriptor of the data, in a process that `relayStdout` has started. */
const dataDescriptor = 'KAPACITOR_UDF_FRAMES_FD';

/**
 * Standard output for data only, as `claimStdout` makes it; `undefined` if it cannot be claimed within this process, but in
 * the one that `relayStdout` starts.
 */
function protectedStdout(): Writable | undefined {
  const descriptor = process.env[dataDescriptor];
  if (descriptor === undefined) return claimStdout();
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- children of this process have no such descriptor
  delete process.env[dataDescriptor];
  return descriptorStream(Number(descriptor));
}

/**
 * Runs this script once more with standard output as descriptor 3 and standard error as descriptor 1. Resolves with its
 * exit code.
 */
function relayStdout(): Promise<number> {
  const { execPath, execArgv, argv, env } = process;
  const child = spawn(execPath, [...execArgv, ...argv.slice(1)], {
    stdio: [0, 2, 2, 1],
    env: { ...env, [dataDescriptor]: '3' },
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
