/** The runtime's logger: pino's, or any object with these methods. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
  /** Whether entries of a level are written; without this method, all are taken to be. */
  isLevelEnabled?(level: string): boolean;
  /** A logger that adds these details to every line. */
  child(details: Readonly<Record<string, unknown>>): Logger;
}

/** How much is logged, from most to nothing. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export type LogLevel = (typeof logLevels)[number];

/**
 * How a log entry looks: a line of JSON, readable text, or a line that begins as Telegraf's plugins mark levels (`E! `);
 * `auto` is `pretty` where standard error is a terminal.
 */
export const logFormats = ['auto', 'json', 'pretty', 'telegraf'] as const;

export type LogFormat = (typeof logFormats)[number];
