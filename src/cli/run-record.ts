import type { LogOptions } from './options.js';
import { UsageError } from './usage-error.js';

export interface RecordOptions extends LogOptions {
  readonly out: string;
  readonly proxy?: true;
  readonly listen?: string;
  readonly socket?: string;
  readonly socketMode: number;
  readonly socketGroup?: string;
  readonly drainMs: number;
}

/** Records conversations with a UDF. */
export async function runRecord(options: RecordOptions): Promise<void> {
  if (!options.proxy) throw new UsageError('say what to record: --proxy, or --from-influx QUERY');
  const { listen, socket } = options;
  if (listen === undefined || socket === undefined) {
    throw new UsageError(
      'record --proxy needs --listen PATH, where Kapacitor connects, and --socket PATH, where the UDF is',
    );
  }
  const { runProxy } = await import('./record/run-proxy.js');
  await runProxy({ ...options, listen, socket });
}
