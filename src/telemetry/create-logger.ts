import { pino } from 'pino';
import { capLine } from './cap-line.js';
import { errorDetails } from './error-details.js';
import type { LogLevel } from './log-level.js';
import type { Logger } from './logger.js';

/** Takes finished lines, each with its line feed. */
export interface LogDestination {
  write(line: string): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Standard error if none is given, written synchronously so that the last line before an exit is not lost. */
  readonly destination?: LogDestination | undefined;
}

/**
 * A logger that writes a line of JSON per entry, at most 16 KiB long. Errors are given as `err`; at level `debug` each
 * has its stack, else only defects do.
 */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (reason: unknown) => errorDetails(reason, level === 'debug') },
      hooks: { streamWrite: capLine },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}
