import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import { type LogFn, type Logger as PinoLogger, pino } from 'pino';
import type { PrettyOptions } from 'pino-pretty';
import { isUdfError, messageOf, systemCode } from '../model/errors.js';
import type { LogFormat, Logger, LogLevel } from './logger.js';
import { standardWriter } from './standard-output.js';
import { telegrafLine } from './telegraf-line.js';

/** Receives formatted lines, each with its line feed. */
export interface LogDestination {
  write(line: string): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `auto` if not given. */
  readonly format?: LogFormat | undefined;
  /**
   * Standard error if none is given. Writing to it never blocks: lines that it does not take wait, up to 1 MiB, and are
   * written at the exit at the latest, if they are read then; above that, lines are dropped, and one line says how many.
   */
  readonly destination?: LogDestination | undefined;
}

const standardError = 2;

/**
 * A logger that writes one line per entry, at most 16 KiB long: JSON, or text for people with details below it. Errors
 * are given as `err`; at level `debug` each has its stack, else only defects do.
 */
export function createLogger({ level, format = 'auto', destination }: LoggerOptions): Logger {
  const isPretty =
    format === 'pretty' || (format === 'auto' && destination === undefined && isatty(standardError));
  const logger: PinoLogger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (reason: unknown) => errorDetails(reason, level === 'debug') },
      hooks: {
        logMethod: writeAnyDetails,
        streamWrite: isPretty
          ? prettifier(destination === undefined)
          : format === 'telegraf'
            ? cappedTelegrafLine
            : capLine,
      },
    },
    destination ?? new StandardError(),
  );
  if (destination === undefined && level !== 'silent') {
    standardWriter(standardError).onDropped = (dropped) => {
      const message = `${dropped} log lines were dropped: standard error was not read in time`;
      logger[level === 'error' ? 'error' : 'warn']({ dropped }, message);
    };
  }
  return logger;
}

/** Tells pino to set `lastLevel` of a destination before each write. */
const needsMetadata: unique symbol = Symbol.for('pino.metadata');

/** pino's number for `warn`; more severe levels are above it. */
const warnLevel = 40;

/** Passes lines on with their urgency, so that warnings find room in a buffer that other lines have filled. */
class StandardError implements LogDestination {
  readonly [needsMetadata] = true;
  lastLevel = 0;
  readonly #writer = standardWriter(standardError);

  write(line: string): void {
    this.#writer.write(line, this.lastLevel >= warnLevel);
  }
}

/**
 * Writes an entry, without its details if they cannot be read: getters, Proxies and `toJSON` in them run code of others,
 * which must not end a task by throwing.
 */
function writeAnyDetails(this: PinoLogger, args: Parameters<LogFn>, method: LogFn): void {
  try {
    method.apply(this, args);
  } catch (reason) {
    method.call(this, { details: `unreadable: ${messageOf(reason)}` }, args[1]);
  }
}

function cappedTelegrafLine(line: string): string {
  return telegrafLine(capLine(line));
}

/** Turns a line of JSON into readable text. */
function prettifier(isStandardError: boolean): (line: string) => string {
  // Loaded only here: JSON is what services write, and they should start fast.
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as {
    readonly prettyFactory: (options: PrettyOptions) => (line: string) => string;
  };
  const hasColours = isStandardError && isatty(standardError) && process.env.NO_COLOR === undefined;
  const format = prettyFactory({
    colorize: hasColours,
    translateTime: 'SYS:HH:MM:ss.l',
    levelFirst: false,
    singleLine: true,
  });
  return (line) => format(capLine(line));
}

/** Max depth of causes that are logged; a chain may be circular. */
const maxCauses = 4;

/**
 * An error as it is logged. A `UdfError` explains itself: unless `stacks` is set, only its code and message are logged.
 * Any other error is a defect, logged with its stack and causes.
 */
function errorDetails(reason: unknown, stacks: boolean): object {
  if (isUdfError(reason) && reason.code !== 'internal' && !stacks) {
    return { code: reason.code, message: reason.message };
  }
  return withCauses(reason, maxCauses);
}

/** Never throws, although getters and Proxies of a thrown value may. */
function withCauses(reason: unknown, causes: number): object {
  try {
    return detailsOf(reason, causes);
  } catch {
    return { message: messageOf(reason) };
  }
}

function detailsOf(reason: unknown, causes: number): object {
  if (!(reason instanceof Error)) return { message: messageOf(reason) };
  const code = systemCode(reason); // also a UdfError's: both are strings in `code`
  return {
    ...(code !== undefined && { code }),
    message: messageOf(reason),
    stack: reason.stack,
    ...(reason.cause !== undefined && causes > 0 && { cause: withCauses(reason.cause, causes - 1) }),
  };
}

/** Kapacitor reads a UDF's standard error line by line and stops for good at 64 KiB; this stays far below. */
export const maxLineBytes = 16 * 1024;

/** Max characters per string in an oversized line, tried in order. */
const stringLengths = [4096, 1024, 256, 64];

/** Limits a line of JSON to 16 KiB by shortening its long strings; the result is valid JSON. */
function capLine(line: string): string {
  // A character takes at most three bytes in UTF-8 (of a surrogate pair, each half two).
  if (line.length * 3 <= maxLineBytes || Buffer.byteLength(line) <= maxLineBytes) return line;
  const entry = JSON.parse(line) as Readonly<Record<string, unknown>>; // pino writes each line from an object
  for (const length of stringLengths) {
    const shorter = `${JSON.stringify(entry, (_key, value) => shorten(value, length))}\n`;
    if (Buffer.byteLength(shorter) <= maxLineBytes) return shorter;
  }
  // Too many strings or keys: keep only the standard ones.
  const { level, time, msg } = entry;
  return `${JSON.stringify({ level, time, msg: shorten(msg, 1024), truncated: line.length })}\n`;
}

function shorten(value: unknown, length: number): unknown {
  if (typeof value !== 'string' || value.length <= length) return value;
  return `${value.slice(0, length)}... (${value.length - length} more characters)`;
}
