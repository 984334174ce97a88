import { UdfError } from '../model/errors.js';
import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { onStopSignal } from '../host/process-end.js';

/** An editor writes a file in several steps. */
const settleMs = 100;

/**
 * Runs this command line without `--watch`, again whenever a file changes beside a loaded module, until SIGTERM or
 * SIGINT. Each run is a process of its own: a module that was imported once stays as it was.
 */
export async function runAgain(modules: readonly string[] = []): Promise<void> {
  const files = modules.map((module) => resolve(module)).filter((file) => existsSync(file));
  if (files.length === 0) throw new UdfError('usage', '--watch needs --load with the file of a module');
  const args = process.argv.slice(1).filter((argument) => argument !== '--watch');
  let child: ChildProcess | undefined;
  const run = (): void => {
    child?.kill();
    child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: 'inherit' });
  };
  let settling: NodeJS.Timeout | undefined;
  const watchers = [...new Set(files.map((file) => dirname(file)))].map((directory) =>
    watch(directory, (_event, file) => {
      if (file !== null && !/\.[cm]?[jt]s$/.test(file)) return;
      clearTimeout(settling);
      settling = setTimeout(() => {
        process.stderr.write(`${file ?? directory} changed\n`);
        run();
      }, settleMs);
    }),
  );
  run();
  await onStopSignal(() => child?.kill('SIGKILL'));
  clearTimeout(settling);
  for (const watcher of watchers) watcher.close();
  child?.kill();
}
