import { UdfError } from '../model/errors.js';
import type { LogOptions } from './options.js';

export interface RecordOptions extends LogOptions {
  readonly out: string;
  readonly proxy?: true;
  readonly fromInflux?: string;
  readonly url?: string;
  readonly listen?: string;
  readonly socket?: string;
  readonly socketMode: number;
  readonly socketGroup?: string;
  readonly drainMs: number;
}

/** Records conversations with a UDF, or what a query finds. */
export async function runRecord(options: RecordOptions): Promise<void> {
  const { fromInflux, url } = options;
  if (fromInflux !== undefined) {
    if (url === undefined) {
      throw new UdfError(
        'usage',
        'record --from-influx needs --url http://HOST:8086?db=NAME (1.x) or ?org=NAME&bucket=NAME (2.x)',
      );
    }
    const { runFromInflux } = await import('../record/run-from-influx.js');
    await runFromInflux({ fromInflux, url, out: options.out });
    return;
  }
  if (!options.proxy) throw new UdfError('usage', 'say what to record: --proxy, or --from-influx QUERY');
  const { listen, socket } = options;
  if (listen === undefined || socket === undefined) {
    throw new UdfError(
      'usage',
      'record --proxy needs --listen PATH, where Kapacitor connects, and --socket PATH, where the UDF is',
    );
  }
  const { runProxy } = await import('../record/run-proxy.js');
  await runProxy({ ...options, listen, socket });
}
