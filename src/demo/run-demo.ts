import { ExitCode } from '../cli/exit-code.js';
import { exitCodeOf, stopSignals } from '../host/process-end.js';
import { showAverage } from './average.js';
import { showChanges } from './changes.js';
import { showRate } from './rate.js';
import { openStage, type Stage } from './stage.js';

/**
 * Prints the demonstration part by part. Throws what the host or a conversation throws, and the exit code of a signal that
 * stops it, once the host is gone and its directory with it.
 */
export async function runDemo(print: (text: string) => void): Promise<void> {
  let onSignal!: (name: NodeJS.Signals) => void;
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    onSignal = resolve;
  });
  // Not once: npm passes on what the terminal has sent here already, and the second must not cut the cleaning short.
  for (const name of stopSignals) process.on(name, onSignal);
  try {
    const stage = openStage();
    const parts = showParts(stage, print).finally(() => stage.close());
    const stoppedBy = await Promise.race([signal, parts]);
    if (stoppedBy === undefined) return;
    await stage.abort();
    throw new ExitCode(exitCodeOf(stoppedBy));
  } finally {
    for (const name of stopSignals) process.off(name, onSignal);
  }
}

async function showParts(stage: Stage, print: (text: string) => void): Promise<undefined> {
  print(`A host serves the UDFs on Unix sockets in ${stage.directory}.\n`);
  for (const part of [showChanges, showAverage, showRate]) print(`\n${await part(stage)}\n`);
}
