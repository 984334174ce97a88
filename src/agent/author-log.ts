import { messageOf } from '../model/errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { UdfLog } from '../udf/context.js';

/** Lines that a use of a UDF may log at once. */
const burstLines = 100;
/** Lines that it may log in each later interval. */
const linesPerInterval = 10;
const intervalMs = 1_000;

/**
 * The `log` of a handler's context, at a limited rate: a burst of 100 lines, then 10 a second. What is suppressed is
 * counted, and reported when lines are logged again or, at the latest, when `signal` aborts at the end of the use. Levels
 * that the logger does not write do not count.
 */
export function authorLog(logger: Logger, signal: AbortSignal): UdfLog {
  let tokens = burstLines;
  let refilledAt = performance.now();
  let suppressed = 0;

  const reportSuppressed = (): void => {
    if (suppressed === 0) return;
    const message = `${suppressed} lines of the UDF's log were suppressed: after ${burstLines} at once, ${linesPerInterval} a second are logged`;
    logger.warn({ suppressed }, message);
    suppressed = 0;
  };
  signal.addEventListener('abort', reportSuppressed);

  /** Takes one of the lines that may be logged. They come back once per interval, so that a flood has few reports. */
  const take = (): boolean => {
    if (tokens < burstLines) {
      const intervals = Math.floor((performance.now() - refilledAt) / intervalMs);
      if (intervals > 0) {
        tokens = Math.min(burstLines, tokens + intervals * linesPerInterval);
        refilledAt += intervals * intervalMs;
      }
    } else {
      refilledAt = performance.now();
    }
    if (tokens === 0) {
      suppressed++;
      return false;
    }
    tokens--;
    reportSuppressed();
    return true;
  };

  const at =
    (level: keyof UdfLog): UdfLog['info'] =>
    (message, details = {}) => {
      if (logger.isLevelEnabled?.(level) === false || !take()) return;
      try {
        logger[level](details, message);
      } catch (reason) {
        // Not every logger copes with details that cannot be read.
        logger[level]({ details: `unreadable: ${messageOf(reason)}` }, message);
      }
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
