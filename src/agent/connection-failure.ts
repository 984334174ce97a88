import type { UdfError } from '../model/errors.js';
import type { TaskUse } from '../model/statistics.js';
import { capText } from '../model/text.js';
import type { Logger } from '../telemetry/logger.js';
import { encodeResponse } from '../wire/messages.js';
import { lastReadTimeoutMs, type Lifetime } from './lifetime.js';

export interface FailingConnection {
  readonly udf: string;
  /** `undefined` before init. */
  readonly use: TaskUse | undefined;
  readonly lifetime: Lifetime;
  readonly logger: Logger;
}

/** Ends a conversation with an error, which is logged and which Kapacitor shows for the task. No-op if it has ended. */
export function failConnection(error: UdfError, { udf, use, lifetime, logger }: FailingConnection): void {
  if (!lifetime.isOpen) return;
  lifetime.noteFailure(error);
  const level = error.code === 'internal' || error.code === 'handler' ? 'error' : 'warn';
  logger[level]({ code: error.code, err: error }, capText(`connection ends: ${error.message}`));
  const lastFrame = encodeResponse({ kind: 'error', error: errorText(error, udf, use) });
  // Keeps reading until Kapacitor closes: if one of its writes failed, it would show that error instead of ours.
  lifetime.close({ lastFrame, timeoutMs: lastReadTimeoutMs, untilPeerCloses: true });
}

/** Formats an error's message for Kapacitor: prefixed by the UDF and, after init, the task. */
export function errorText({ message }: Error, udf: string, use: TaskUse | undefined): string {
  if (message.startsWith(`${udf}: `)) return capText(message);
  const { task = '' } = use ?? {};
  return capText(task === '' ? `${udf}: ${message}` : `${udf}: task ${task}: ${message}`);
}
