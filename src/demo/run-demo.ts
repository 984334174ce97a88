import { stopSignals } from '../host/process-end.js';
import { showAverage } from './average.js';
import { showChanges } from './changes.js';
import { type DemoHost, startDemoHost } from './demo-host.js';
import { showMeters } from './meters.js';
import { showRate } from './rate.js';

/** What can be shown: the UDFs one by one, or the story of a metered building. */

export type DemoName = 'udfs' | 'meters';

/**
 * Prints a demonstration part by part. Resolves once the host has ended and its directory is removed: with the signal
 * that stopped it, or `undefined`. Rejects with the errors of the host and its connections.
 */
export async function runDemo(
  name: DemoName,
  print: (text: string) => void | Promise<void>,
): Promise<NodeJS.Signals | undefined> {
  let onSignal!: (name: NodeJS.Signals) => void;
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    onSignal = resolve;
  });
  // Not `once`: npm forwards a signal that the terminal also sent here, and the second one must not interrupt the clean-up.
  for (const name of stopSignals) process.on(name, onSignal);
  try {
    const host = startDemoHost();
    const parts = showParts(name, host, print).finally(() => host.stop());
    const stoppedBy = await Promise.race([signal, parts]);
    if (stoppedBy !== undefined) await host.kill();
    return stoppedBy;
  } finally {
    for (const name of stopSignals) process.off(name, onSignal);
  }
}

async function showParts(
  name: DemoName,
  host: DemoHost,
  print: (text: string) => void | Promise<void>,
): Promise<undefined> {
  await print(`A host serves the UDFs on Unix sockets in ${host.directory}.`);
  for await (const part of name === 'meters' ? showMeters(host) : showUdfs(host)) await print(`\n${part}`);
}

async function* showUdfs(host: DemoHost): AsyncGenerator<string> {
  for (const show of [showChanges, showAverage, showRate]) yield await show(host);
}
