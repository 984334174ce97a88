import type { Writable } from 'node:stream';
import { claimStdout, descriptorStream } from '../transport/claim-stdout.js';
import { ExitCode } from './exit-code.js';
import type { RunOptions } from './options.js';
import { relayStdout } from '../host/relay-stdout.js';

export interface StdioOptions extends RunOptions {
  /** The descriptor that frames go to, when this process was started by `relayStdout`. */
  readonly framesFd?: number;
}

/** Serves one UDF on standard input and output until the conversation ends; the exit code is 1 if it went wrong. */
export async function runStdio(name: string, options: StdioOptions): Promise<void> {
  const { framesFd } = options;
  const output: Writable | undefined = framesFd === undefined ? claimStdout() : descriptorStream(framesFd);
  if (!output) {
    const code = await relayStdout();
    if (code !== 0) throw new ExitCode(code);
    return;
  }
  // Only now that standard output is safe is anything loaded that might print.
  const { serveStdio } = await import('../host/serve-stdio.js');
  await serveStdio(name, options, output);
}
