import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UdfError } from '../model/errors.js';

/** An editor writes a file in several steps. */
const settleMs = 100;

export interface WatchOptions {
  /** The modules whose directories are watched; names of packages are not. */
  readonly modules: readonly string[];
  /** The arguments that Node.js is started with. */
  readonly args: readonly string[];
  /** Called with the file that changed, before each further run. */
  readonly onChange: (file: string) => void;
}

/**
 * Runs a Node.js process, and again whenever a script beside a module changes, until `signal` aborts. Each run is a
 * process of its own, because a module that was imported once is never read again.
 *
 * Throws `usage` if no module is a file.
 */
export async function rerunOnChange(
  { modules, args, onChange }: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const files = modules.map((module) => resolve(module)).filter((file) => existsSync(file));
  if (files.length === 0) throw new UdfError('usage', '--watch needs --load with the file of a module');
  let child: ChildProcess | undefined;
  const run = (): void => {
    child?.kill();
    child = spawn(process.execPath, args, { stdio: 'inherit' });
  };
  let settling: NodeJS.Timeout | undefined;
  const watchers = [...new Set(files.map((file) => dirname(file)))].map((directory) =>
    watch(directory, (_event, file) => {
      if (file !== null && !/\.[cm]?[jt]s$/.test(file)) return;
      clearTimeout(settling);
      settling = setTimeout(() => {
        onChange(file ?? directory);
        run();
      }, settleMs);
    }),
  );
  run();
  await new Promise<void>((resolveEnd) => {
    if (signal.aborted) resolveEnd();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolveEnd();
        },
        { once: true },
      );
  });
  clearTimeout(settling);
  for (const watcher of watchers) watcher.close();
  child?.kill();
}
