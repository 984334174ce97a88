import { type Command, Option } from 'commander';
import { defaultLimits } from '../agent/limits.js';
import type { Isolation } from '../host/served-udf.js';
import { UdfError } from '../model/errors.js';
import { requireAnyOf } from './dependent-options.js';
import { byteLimitOption } from './parse-values.js';

/** Which UDFs run in workers. */
export interface IsolationFlags {
  readonly isolate?: true;
  readonly watch?: true;
  /** What listens for proxies, which runs UDFs in workers. */
  readonly listen?: unknown;
  readonly isolateUdf?: readonly string[];
  readonly workerMemory: number;
  readonly journalBytes: number;
}

const defaultWorkerMemory = 1024 * 1024 * 1024;

/** Adds `--isolate`, `--isolate-udf`, `--worker-memory` and `--journal-bytes`. `isolating` are other options that isolate. */
export function addIsolationOptions(command: Command, isolating: readonly string[] = []): Command {
  requireAnyOf(command, ['workerMemory', 'journalBytes'], ['isolate', 'isolateUdf', ...isolating]);
  return command
    .option(
      '--isolate',
      'run each connection in a worker thread, which is replaced without loss when its UDF crashes, hangs or fills its memory (default: all share one thread)',
    )
    .addOption(
      new Option('--isolate-udf <name>', 'isolate this UDF only; may be repeated (default: none)')
        .argParser((name: string, names?: readonly string[]) => [...(names ?? []), name])
        .conflicts('isolate'),
    )
    .addOption(
      byteLimitOption(
        '--worker-memory',
        defaultWorkerMemory,
        'memory of one worker, above which it is replaced',
        '16MiB',
      ),
    )
    .addOption(journalOption());
}

export function journalOption(): Option {
  return byteLimitOption(
    '--journal-bytes',
    defaultLimits.journalBytes,
    'how much input of an isolated connection is kept to replay it to a new worker; a batch may take --batch-bytes',
  );
}

/** Adds `--watch`, for a command that can reload. */
export function addWatchOption(command: Command): Command {
  return command.option(
    '--watch',
    'run the new code, with the same state, whenever a local file of the modules of --load changes; isolates all UDFs unless --isolate-udf names some (default: at `reload` and SIGHUP)',
  );
}

/** The isolation that the flags ask for; `undefined` for none. */
export function isolationOf(flags: IsolationFlags): Isolation | undefined {
  const { isolate, watch, isolateUdf, workerMemory, listen } = flags;
  if (!isolate && !watch && !isolateUdf && listen === undefined) return undefined;
  return { udfs: isolateUdf ?? 'all', maxMemoryBytes: workerMemory };
}

/** Throws `usage` for a UDF to isolate that is not among those that are hosted. */
export function checkIsolatedNames({ isolateUdf = [] }: IsolationFlags, hosted: readonly string[]): void {
  const name = isolateUdf.find((isolated) => !hosted.includes(isolated));
  if (name === undefined) return;
  throw new UdfError(
    'usage',
    `--isolate-udf ${name}: only ${hosted.join(', ')} is hosted here; name ${name} there too, or leave it out`,
  );
}
