import { UdfError } from '../model/errors.js';
import { basename, extname, resolve } from 'node:path';
import { groupNumber } from '../host/unix-group.js';
import { ConversationRecorder } from '../recording/conversation/recorder.js';
import { createLogger } from '../telemetry/create-logger.js';
import type { LogOptions } from '../cli/options.js';
import { onStopSignal, onUncaught } from '../host/process-end.js';
import { SocketProxy } from './socket-proxy.js';

export interface ProxyOptions extends LogOptions {
  readonly listen: string;
  readonly socket: string;
  readonly out: string;
  readonly socketMode: number;
  readonly socketGroup?: string;
  readonly drainMs: number;
}

/** Records what passes between Kapacitor and a UDF until a signal comes. */
export async function runProxy(options: ProxyOptions): Promise<void> {
  const { listen, socket, out, socketMode: mode, socketGroup: group, drainMs } = options;
  if (resolve(listen) === resolve(socket)) {
    throw new UdfError(
      'usage',
      `--listen and --socket are both ${socket}; the UDF and the proxy need one each`,
    );
  }
  const logger = createLogger({ level: options.logLevel });
  const access = { mode, gid: group === undefined ? undefined : groupNumber(group) };
  const recorder = new ConversationRecorder({ directory: out, logger });
  const subject = { udf: basename(socket, extname(socket)), socket };
  const proxy = new SocketProxy({
    listen,
    target: socket,
    access,
    logger,
    drainMs,
    onConnection: (kapacitor, udf) => {
      recorder.between(kapacitor, udf, subject);
    },
  });
  const removeFile = (): void => {
    proxy.removeFile();
  };
  onUncaught(logger, removeFile);
  const signal = onStopSignal(removeFile);
  await Promise.race([proxy.start(), signal]);
  if (!signal.came) logger.info({ listen, socket, out }, 'ready');
  logger.info({ signal: await signal }, 'stopping');
  await proxy.stop();
  await recorder.close();
  logger.info({}, 'stopped');
}
