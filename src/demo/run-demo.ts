import { checkPagePath } from '../files/chart-page.js';
import { stopSignals } from '../host/process-end.js';
import { UdfError } from '../model/errors.js';
import { showAverage } from './average.js';
import { showChanges } from './changes.js';
import { type DemoHost, startDemoHost } from './demo-host.js';
import { showMeters } from './meters/story.js';
import { showRate } from './rate.js';

/** What can be shown: the UDFs one by one, or the story of a metered building. */
export type DemoName = 'udfs' | 'meters';

export interface DemoOptions {
  /** Also write a page of results to this file; of `meters`. */
  readonly html?: string | undefined;
}

/**
 * Prints a demonstration part by part. Resolves once the host has ended and its directory is removed: with the signal
 * that stopped it, or `undefined`. Rejects with the errors of the host and its connections,
 * with `usage` for a page of another demonstration than `meters`, and with `invalid_config` if it cannot be written.
 */
export async function runDemo(
  name: DemoName,
  print: (text: string) => void | Promise<void>,
  options: DemoOptions = {},
): Promise<NodeJS.Signals | undefined> {
  if (options.html !== undefined && name !== 'meters') {
    throw new UdfError('usage', '--html is of the meters: kapacitor-udf demo meters --html FILE');
  }
  if (options.html !== undefined) checkPagePath(options.html);
  let onSignal!: (name: NodeJS.Signals) => void;
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    onSignal = resolve;
  });
  // Not `once`: npm forwards a signal that the terminal also sent here, and the second one must not interrupt the clean-up.
  for (const name of stopSignals) process.on(name, onSignal);
  try {
    const host = startDemoHost();
    const parts = showParts(name, host, print, options).finally(() => host.stop());
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
  { html }: DemoOptions,
): Promise<undefined> {
  await print(`A host serves the UDFs on Unix sockets in ${host.directory}.`);
  const parts = name === 'meters' ? showMeters(host, html) : showUdfs(host);
  for await (const part of parts) await print(`\n${part}`);
}

async function* showUdfs(host: DemoHost): AsyncGenerator<string> {
  for (const show of [showChanges, showAverage, showRate]) yield await show(host);
}
