import type { Logger } from './logger.js';

/** One line that was logged. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A logger that adds its lines to an array. */
export function memoryLogger(lines: LogLine[], bound: Readonly<Record<string, unknown>> = {}): Logger {
  const at =
    (level: LogLine['level']) =>
    (details: object, message: string): void => {
      lines.push({ level, message, details: { ...bound, ...details } });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (details) => memoryLogger(lines, { ...bound, ...details }),
  };
}
