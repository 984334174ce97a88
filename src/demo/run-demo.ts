import { stopSignals } from '../host/process-end.js';
import { showAverage } from './average.js';
import { showChanges } from './changes.js';
import { type DemoHost, startDemoHost } from './demo-host.js';
import { showRate } from './rate.js';

/**
 * Prints the demonstration part by part. Resolves, once the host and its directory are gone, with the signal that has
 * stopped it, if one has. Throws what the host or a conversation throws.
 */
export async function runDemo(
  print: (text: string) => void | Promise<void>,
): Promise<NodeJS.Signals | undefined> {
  let onSignal!: (name: NodeJS.Signals) => void;
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    onSignal = resolve;
  });
  // Not once: npm repeats a signal that the terminal has sent here already, and that must not cut the clean-up short.
  for (const name of stopSignals) process.on(name, onSignal);
  try {
    const host = startDemoHost();
    const parts = showParts(host, print).finally(() => host.stop());
    const stoppedBy = await Promise.race([signal, parts]);
    if (stoppedBy !== undefined) await host.kill();
    return stoppedBy;
  } finally {
    for (const name of stopSignals) process.off(name, onSignal);
  }
}

async function showParts(host: DemoHost, print: (text: string) => void | Promise<void>): Promise<undefined> {
  await print(`A host serves the UDFs on Unix sockets in ${host.directory}.`);
  for (const show of [showChanges, showAverage, showRate]) await print(`\n${await show(host)}`);
}
