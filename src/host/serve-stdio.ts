import type { Writable } from 'node:stream';
import { createAgent } from '../agent/agent.js';
import { stdioTransport } from '../transport/stdio-transport.js';
import { availableUdfs, chooseUdfs } from '../cli/available-udfs.js';
import { ExitCode } from '../cli/exit-code.js';
import { onStopSignal, onUncaught } from './process-end.js';
import type { RunOptions } from '../cli/options.js';
import { runSettings } from '../cli/run-settings.js';

/** One conversation on standard input and `output`. */
export async function serveStdio(name: string, options: RunOptions, output: Writable): Promise<void> {
  const settings = runSettings(options);
  const { logger } = settings;
  onUncaught(logger, nothing);
  const definition = chooseUdfs(await availableUdfs(options.load), [name])[0]!; // it throws if there is none
  if (process.stdin.isTTY) {
    logger.warn(
      {},
      'standard input is a terminal: Kapacitor starts this command; see kapacitor-udf config --process',
    );
  }
  const agent = createAgent({ ...settings, definition, transport: stdioTransport(output) });

  // A terminal or a service manager signals Kapacitor and its children alike. Kapacitor then ends the conversation, and
  // has points to send before: it is given the time.
  void onStopSignal(nothing).then((signal) => {
    logger.info({ signal }, 'stopping');
    setTimeout(() => void agent.drain(), options.drainMs);
  });
  await agent.closed;
  if (agent.failure) throw new ExitCode(1);
}

function nothing(): void {
  // There is no file to remove.
}
