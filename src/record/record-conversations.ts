import { basename, extname, resolve } from 'node:path';
import { groupNumber } from '../host/unix-group.js';
import { UdfError } from '../model/errors.js';
import { ConversationRecorder } from '../recording/conversation/recorder.js';
import type { Logger } from '../telemetry/logger.js';
import { SocketProxy } from './socket-proxy.js';

export interface ConversationRecordingOptions {
  /** Path of the socket that Kapacitor connects to. */
  readonly listen: string;
  /** Path of the UDF's socket. */
  readonly socket: string;
  /** Directory of the recorded conversations; created if absent. */
  readonly out: string;
  /** Mode of the socket file. */
  readonly socketMode: number;
  /** Group of the socket file, by name or number; the process's own by default. */
  readonly socketGroup?: string | undefined;
  /** Max time for connections to finish in `stop`. */
  readonly drainMs: number;
  readonly logger: Logger;
}

export interface ConversationRecording {
  /** Listens. Rejects as `listenOnSocket` does. */
  start(): Promise<void>;
  /** Removes the socket file; synchronous, for use in exit handlers. */
  removeFile(): void;
  /** Half-closes all connections, as Kapacitor does, and resolves once the recordings are written. Never rejects. */
  stop(): Promise<void>;
}

/**
 * Records the traffic between Kapacitor and the socket of a UDF, one file per connection. Throws `usage` if both sockets
 * are the same, and `invalid_config` for an unknown group or a directory that cannot be written to.
 */
export function recordConversations(options: ConversationRecordingOptions): ConversationRecording {
  const { listen, socket, out, socketMode: mode, socketGroup: group, drainMs, logger } = options;
  if (resolve(listen) === resolve(socket)) {
    throw new UdfError(
      'usage',
      `--listen and --socket are both ${socket}; the UDF and the proxy need one each`,
    );
  }
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
  return {
    start: () => proxy.start(),
    removeFile: () => {
      proxy.removeFile();
    },
    async stop() {
      await proxy.stop();
      await recorder.close();
    },
  };
}
