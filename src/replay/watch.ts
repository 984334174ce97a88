import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UdfError } from '../model/errors.js';

/** Debounce time: editors write a file in several steps. */
const debounceMs = 100;

export interface WatchOptions {
  /** Modules whose directories are watched; package names are ignored. */
  readonly modules: readonly string[];
  /** Arguments of Node.js. */
  readonly args: readonly string[];
  /** Called with the changed file before each further run. */
  readonly onChange: (file: string) => void;
}

/**
 * Runs a Node.js process, and again whenever a script in a module's directory changes, until `signal` aborts. Each run is a
 * new process, since Node.js caches imported modules.
 *
 * Rejects with `usage` if no module is a file.
 */
export async function rerunOnChange(
  { modules, args, onChange }: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const files = modules.map((module) => resolve(module)).filter((file) => existsSync(file));
  if (files.length === 0) throw new UdfError('usage', '--watch needs --load with the file of a module');
  let child: ChildProcess | undefined;
  const restart = (): void => {
    child?.kill();
    child = spawn(process.execPath, args, { stdio: 'inherit' });
  };
  let debounceTimer: NodeJS.Timeout | undefined;
  const watchers = [...new Set(files.map((file) => dirname(file)))].map((directory) =>
    watch(directory, (_event, file) => {
      if (file !== null && !/\.[cm]?[jt]s$/.test(file)) return;
      clearTimeout(debounceTimer);
      debounceTimer = setTimeout(() => {
        onChange(file ?? directory);
        restart();
      }, debounceMs);
    }),
  );
  restart();
  await new Promise<void>((resolveAborted) => {
    if (signal.aborted) resolveAborted();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolveAborted();
        },
        { once: true },
      );
  });
  clearTimeout(debounceTimer);
  for (const watcher of watchers) watcher.close();
  child?.kill();
}
